import { Cursor } from "./cursor.ts";
import type { Bounds } from "./damage.ts";
import { LzmaDecoder, type LzmaStop, MATCH_MAX } from "./lzma-decoder.ts";
import { splitProperties, stopError } from "./lzma2.ts";
import { Output } from "./output.ts";

const HEADER_SIZE = 13;
/** In the header, as read with 53 bits: the size is unknown and an end marker follows, as in all Linux kernels. */
const UNKNOWN_SIZE = 2 ** 64;
const MIN_DICTIONARY = 4096;

/** Decompresses a .lzma file: a 13-byte header and bare LZMA data, without any checksum. */
export function decompressLzma(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("lzma", input);
  const properties = cursor.u8("properties");
  const [lc, lp, pb] = splitProperties(properties);
  if (pb > 4) throw cursor.error("properties", 0, properties, "below 225");
  const dictionarySize = Math.max(cursor.u32("dictionary size", true), MIN_DICTIONARY);
  const low = cursor.u32("uncompressed size", true);
  const size = cursor.u32("uncompressed size", true) * 2 ** 32 + low;
  const start = cursor.u8("range coder start");
  if (start !== 0) throw cursor.error("range coder start", HEADER_SIZE, start, 0);
  cursor.skip(4, "range coder start");

  const lzma = new LzmaDecoder();
  lzma.setProperties(lc, lp, pb);
  lzma.reset();
  lzma.startRange(input, HEADER_SIZE);
  const output = new Output("lzma", bounds);
  /** Beyond the input the range decoder sees zeros: what it makes of them does not count. */
  const decode = (stop: number, hardStop: number): LzmaStop => {
    const { bytes, length } = output;
    const stopped = lzma.decode(input, input.length, bytes, length, stop, hardStop, 0, dictionarySize);
    output.length = lzma.outputAt;
    return lzma.inputAt > input.length ? "input" : stopped;
  };

  let stopped: LzmaStop = "full";
  if (size < UNKNOWN_SIZE) {
    output.reserve(size, 5);
    stopped = decode(size, size);
    // A marker is allowed here too.
    if (stopped === "full" && !lzma.finished) {
      stopped = decode(size + 1, size);
      if (stopped === "full") stopped = "length";
    }
    if (stopped === "end-marker" && output.length === size) stopped = "full";
  } else {
    while (stopped === "full" && !output.full) {
      output.makeRoom(2 * MATCH_MAX, lzma.inputAt);
      const room = output.bytes.length;
      stopped = decode(output.cannotGrow ? room : room - MATCH_MAX, room);
    }
    // The output holds all it may, so that only the marker can follow.
    const room = output.bytes.length;
    if (stopped === "full") stopped = decode(room + 1, room);
    if (stopped === "full" || stopped === "length") throw output.overflow(room + 1, lzma.inputAt);
    if (stopped === "end-marker") stopped = "full";
  }
  if (stopped !== "full") throw stopError("lzma", stopped, lzma, 0, input.length);
  if (lzma.inputAt !== input.length || !lzma.finished) {
    throw cursor.error(
      "end of data",
      Math.min(lzma.inputAt, input.length),
      "not where the payload ends",
      `at offset ${input.length}`,
    );
  }
  return output.finish(input.length);
}
