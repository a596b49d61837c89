import type { ForeignMemory } from "@pvh/xenctl-ffi/native";

const ENTRY = 8;
/** GTF_permit_access to domain 0. */
const PERMIT_ACCESS = 1;

/** By grants, because xenstored and xenconsoled map what they serve through the guest's grant table. */
export function grantSharedPages(
  memory: ForeignMemory,
  domid: number,
  { console, store }: { console: number; store: number },
): void {
  const frames = [console, store];
  const view = new DataView(new ArrayBuffer(frames.length * ENTRY));
  for (const [reference, gfn] of frames.entries()) {
    view.setUint16(reference * ENTRY, PERMIT_ACCESS, true);
    view.setUint32(reference * ENTRY + 4, gfn, true);
  }
  memory.writeGrantTable(domid, new Uint8Array(view.buffer));
}
