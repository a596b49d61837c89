import { damaged } from "./damage.ts";
import type { Output } from "./output.ts";

const MATCH_MIN = 4;
/** Below this length a copying loop beats a call. */
const LONG_COPY = 64;

/**
 * Decodes the LZ4 block (lz4_Block_format.md) at `start` to `end` of `input` into `output`.
 *
 * @param dictionaryStart first byte of the output that matches may copy from
 * @param sizeMax most bytes that one block may become
 */
export function decodeLz4Block(
  input: Uint8Array,
  start: number,
  end: number,
  output: Output,
  dictionaryStart: number,
  sizeMax: number,
): void {
  // Each input byte makes 255 bytes at most.
  output.makeRoom(Math.min(sizeMax, (end - start) * 255), start);
  const bytes = output.bytes;
  const room = Math.min(output.length + sizeMax, bytes.length);
  let at = output.length;
  let from = start;
  const error = (field: string, found: string | number, allowed: string | number) =>
    damaged("lz4", field, from, found, allowed);
  const beyond = (reached: number) =>
    reached - output.length > sizeMax
      ? error("block's decompressed size", `at least ${reached - output.length}`, `up to ${sizeMax}`)
      : output.overflow(reached, from);

  while (from < end) {
    const token = input[from++] as number;
    let length = token >>> 4;
    if (length === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= end) throw error("literal length", "cut off", "a byte below 255 before the block's end");
        more = input[from++] as number;
        length += more;
      }
    }
    if (length > end - from) throw error("literal length", length, `up to ${end - from}, to the block's end`);
    if (at + length > room) throw beyond(at + length);
    if (length > LONG_COPY) {
      bytes.set(input.subarray(from, from + length), at);
      at += length;
      from += length;
    } else {
      for (const stop = at + length; at < stop; ) bytes[at++] = input[from++] as number;
    }
    if (from === end) {
      output.length = at;
      return;
    }

    if (end - from < 2) throw error("sequence", "cut off", "a match distance of 2 bytes");
    const distance = (input[from] as number) | ((input[from + 1] as number) << 8);
    if (distance === 0 || distance > at - dictionaryStart) {
      throw error("match distance", distance, `1 to ${at - dictionaryStart}`);
    }
    from += 2;
    length = (token & 15) + MATCH_MIN;
    if (length === 15 + MATCH_MIN) {
      let more = 255;
      while (more === 255) {
        if (from >= end) throw error("match length", "cut off", "a byte below 255 before the block's end");
        more = input[from++] as number;
        length += more;
      }
    }
    const stop = at + length;
    if (stop > room) throw beyond(stop);
    let source = at - distance;
    if (length > LONG_COPY && distance >= length) {
      bytes.copyWithin(at, source, source + length);
      at = stop;
    } else {
      while (at < stop) bytes[at++] = bytes[source++] as number;
    }
  }
  throw error("block", "ends after a match", "literals at its end");
}
