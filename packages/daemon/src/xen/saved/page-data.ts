import { PAGE_DATA, PAGE_SIZE, pageDataHead } from "@pvh/abi";
import { damaged } from "./problems.ts";
import type { StreamRecord } from "./records.ts";
import type { SavedSource } from "./source.ts";

const PFN = 8;
/** Frames that are looked at together. */
const PIECE = 4096;
/** Broken memory and holes: neither is made again. */
const NOT_MADE: ReadonlySet<number> = new Set([0xd, 0xf]);

/**
 * Refuses a record whose size is not that of its pages, and one with memory beyond the guest's: libxenguest would take as
 * much of the host's as it says.
 *
 * @param frames the guest's memory ends before this one
 * @returns how many pages it has
 */
export function checkPageData(
  source: SavedSource,
  { offset, body, length }: StreamRecord,
  frames: number,
): number {
  const { count } =
    length < pageDataHead.size ? { count: 0 } : pageDataHead.decode(source.read(body, pageDataHead.size));
  const pages = body + pageDataHead.size;
  if (count === 0 || pageDataHead.size + count * PFN > length) {
    throw damaged(`a record of ${length} bytes is about ${count} frames`, offset);
  }
  let withData = 0;
  for (let first = 0; first < count; first += PIECE) {
    const bytes = source.read(pages + first * PFN, Math.min(PIECE, count - first) * PFN);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += PFN) {
      const high = view.getUint32(at + 4, true);
      const type = high >>> PAGE_DATA.typeShift;
      if (type < PAGE_DATA.firstWithoutData) withData++;
      const frame = (high & PAGE_DATA.frameMask) * 2 ** 32 + view.getUint32(at, true);
      if (frame < frames || NOT_MADE.has(type)) continue;
      throw damaged(`it has memory at frame 0x${frame.toString(16)}, above that of its config`, offset, {
        found: frame,
        allowed: `below ${frames}`,
      });
    }
  }
  const wanted = pageDataHead.size + count * PFN + withData * PAGE_SIZE;
  if (wanted !== length) {
    throw damaged(`a record has ${length} bytes instead of ${wanted}`, offset, {
      found: length,
      allowed: wanted,
    });
  }
  return withData;
}
