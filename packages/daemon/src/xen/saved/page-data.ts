import { PAGE_DATA, PAGE_SIZE, pageDataHead } from "@pvh/abi";
import type { Piece } from "./libxc-stream.ts";
import { damaged } from "./problems.ts";

const PFN = 8;
/** Frames that are looked at together. */
const TOGETHER = 4096;
/** Broken memory and holes: neither is made again. */
const NOT_MADE: ReadonlySet<number> = new Set([0xd, 0xf]);

/**
 * Refuses the body of a record whose size is not that of its pages, and one with memory beyond the guest's: libxenguest
 * would take as much of the host's as it says. The pages themselves are left.
 *
 * @param offset of the record
 * @param frames the guest's memory ends before this one
 * @returns how many pages it has, and how many bytes were taken
 */
export function* pageData(
  offset: number,
  length: number,
  frames: number,
): Generator<Piece, { pages: number; taken: number }, Uint8Array> {
  const { count } =
    length < pageDataHead.size
      ? { count: 0 }
      : pageDataHead.decode(yield { bytes: pageDataHead.size, seen: true });
  if (count === 0 || pageDataHead.size + count * PFN > length) {
    throw damaged(`a record of ${length} bytes is about ${count} frames`, offset);
  }
  let pages = 0;
  for (let first = 0; first < count; first += TOGETHER) {
    const numbers = yield { bytes: Math.min(TOGETHER, count - first) * PFN, seen: true };
    pages += pagesOf(numbers, offset, frames);
  }
  const taken = pageDataHead.size + count * PFN;
  const wanted = taken + pages * PAGE_SIZE;
  if (wanted !== length) {
    throw damaged(`a record has ${length} bytes instead of ${wanted}`, offset, {
      found: length,
      allowed: wanted,
    });
  }
  return { pages, taken };
}

/** How many of the frames have a page in the record. */
function pagesOf(numbers: Uint8Array, offset: number, frames: number): number {
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.length);
  let pages = 0;
  for (let at = 0; at < numbers.length; at += PFN) {
    const high = view.getUint32(at + 4, true);
    const type = high >>> PAGE_DATA.typeShift;
    if (type < PAGE_DATA.firstWithoutData) pages++;
    const frame = (high & PAGE_DATA.frameMask) * 2 ** 32 + view.getUint32(at, true);
    if (frame < frames || NOT_MADE.has(type)) continue;
    throw damaged(`it has memory at frame 0x${frame.toString(16)}, above that of its config`, offset, {
      found: frame,
      allowed: `below ${frames}`,
    });
  }
  return pages;
}
