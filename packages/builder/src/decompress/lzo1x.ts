import { damaged } from "./damage.ts";
import type { Output } from "./output.ts";

/** Farthest distance of the two-byte instructions M2 and of the three-byte ones M3. */
const M2_DISTANCE_MAX = 2048;
const M3_DISTANCE_MAX = 16384;

/**
 * Decodes LZO1X data at `start` to `end` of `input` into `output`, to exactly `size` bytes; the caller has reserved
 * them. Stream format as in the Linux kernel's Documentation/staging/lzo.rst, version 0.
 */
export function decodeLzo1x(
  input: Uint8Array,
  start: number,
  end: number,
  output: Output,
  size: number,
): void {
  const bytes = output.bytes;
  const outputStart = output.length;
  const room = outputStart + size;
  let at = outputStart;
  let from = start;
  const error = (field: string, found: string | number, allowed: string | number) =>
    damaged("lzo", field, from, found, allowed);
  const next = (field: string): number => {
    if (from >= end) throw error(field, "cut off", "a byte before the block's end");
    return input[from++] as number;
  };
  /** A length that does not fit in `mask`: zeros count 255 each, the first other byte is the rest. */
  const longer = (mask: number): number => {
    let length = mask;
    let byte = next("length");
    for (; byte === 0; byte = next("length")) length += 255;
    return length + byte;
  };
  const copyLiterals = (count: number): void => {
    if (count > end - from) throw error("literal run", count, `up to ${end - from}, to the block's end`);
    if (at + count > room)
      throw error("literal run", count, `up to ${room - at}, to the block's declared size`);
    for (const stop = at + count; at < stop; ) bytes[at++] = input[from++] as number;
  };

  /** Literals that the previous instruction copied, 4 for a long run: it decides what instructions below 16 mean. */
  let literals = 0;
  const first = input[start];
  if (from < end && first !== undefined && first > 17) {
    from++;
    copyLiterals(first - 17);
    literals = Math.min(first - 17, 4);
  }

  for (;;) {
    const code = next("instruction");
    let distance: number;
    let length: number;
    /** Its two lowest bits: literals that follow the match. */
    let trailer = code;
    if (code < 16) {
      if (literals === 0) {
        copyLiterals((code === 0 ? longer(15) : code) + 3);
        literals = 4;
        continue;
      }
      distance = (code >>> 2) + (next("distance") << 2) + 1;
      length = 2;
      if (literals === 4) {
        distance += M2_DISTANCE_MAX;
        length = 3;
      }
    } else if (code >= 64) {
      distance = ((code >>> 2) & 7) + (next("distance") << 3) + 1;
      length = (code >>> 5) + 1;
    } else {
      const mask = code >= 32 ? 31 : 7;
      length = (code & mask || longer(mask)) + 2;
      trailer = next("distance");
      distance = (trailer >>> 2) + (next("distance") << 6);
      if (code >= 32) distance += 1;
      else {
        distance += (code & 8) << 11;
        if (distance === 0) {
          finish(code);
          return;
        }
        distance += M3_DISTANCE_MAX;
      }
    }

    if (distance > at - outputStart) throw error("match distance", distance, `up to ${at - outputStart}`);
    if (at + length > room) {
      throw error("match length", length, `up to ${room - at}, to the block's declared size`);
    }
    let source = at - distance;
    for (const stop = at + length; at < stop; ) bytes[at++] = bytes[source++] as number;
    literals = trailer & 3;
    copyLiterals(literals);
  }

  function finish(code: number): void {
    if (code !== 17) throw error("end marker", code, 17);
    if (from !== end) throw error("end marker", "before the block's end", `at offset ${end - 3}`);
    if (at !== room) throw error("block's decompressed size", at - outputStart, size);
    output.length = at;
  }
}
