import { HYPERCALL, HYPERCALL_PAGE_SLOTS, HYPERCALL_STUB_SIZE, PAGE_SIZE } from "@pvh/abi";
import type { HypercallTrap } from "./image.ts";

const INT3 = 0xcc;
const UD2 = [0x0f, 0x0b];
const RET = 0xc3;

/**
 * The page whose stub n a guest calls for hypercall n: `mov $n, %eax`, the trap, `ret`. Stub 23 (iret) is ud2, as Xen's
 * HVM containers have it; the rest of each slot is int3.
 *
 * @throws RangeError when a trapping port needs more than 8 bits: only `out %eax, $imm8` leaves rdx, the third
 * argument, alone.
 */
export function hypercallPage(trap: HypercallTrap): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE_SIZE).fill(INT3);
  const trapBytes = trapInstruction(trap);
  for (let nr = 0; nr < HYPERCALL_PAGE_SLOTS; nr++) {
    const stub = nr === HYPERCALL.iret ? UD2 : [0xb8, nr, 0, 0, 0, ...trapBytes, RET];
    page.set(stub, nr * HYPERCALL_STUB_SIZE);
  }
  return page;
}

function trapInstruction(trap: HypercallTrap): number[] {
  switch (trap.kind) {
    case "vmcall":
      return [0x0f, 0x01, 0xc1];
    case "vmmcall":
      return [0x0f, 0x01, 0xd9];
    case "port":
      if (!Number.isInteger(trap.port) || trap.port < 0 || trap.port > 0xff) {
        throw new RangeError(`the hypercall port must be 0..0xff, not ${trap.port}`);
      }
      return [0xe7, trap.port];
  }
}
