import { Cursor } from "./cursor.ts";
import type { Bounds } from "./damage.ts";
import { Output } from "./output.ts";
import { xxh64 } from "./xxhash.ts";
import { BLOCK_MAX, BlockDecoder } from "./zstd-block.ts";

const MAGIC = 0xfd2fb528;
/** Frames of user data that decoders skip have magics from here to 15 above. */
const MAGIC_SKIPPABLE = 0x184d2a50;

/**
 * Decompresses zstd frames (RFC 8878). The output is the window, so that windows of any size cost nothing. The
 * checksum of each frame that has one is verified. Dictionaries are not supported.
 */
export function decompressZstd(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("zstd", input);
  const output = new Output("zstd", bounds);
  const decoder = new BlockDecoder(output);
  do {
    const at = cursor.at;
    const magic = cursor.u32("magic", true);
    if (magic === MAGIC) readFrame(cursor, output, decoder);
    else if (magic >= MAGIC_SKIPPABLE && magic < MAGIC_SKIPPABLE + 16) {
      cursor.skip(cursor.u32("skippable frame size", true), "skippable frame");
    } else throw cursor.error("magic", at, `0x${magic.toString(16)}`, "0xfd2fb528");
  } while (cursor.remaining > 0);
  return output.finish(cursor.at);
}

function readFrame(cursor: Cursor, output: Output, decoder: BlockDecoder): void {
  const start = cursor.at;
  const outputStart = output.length;
  const { contentSize, windowSize, hasChecksum } = readFrameHeader(cursor);
  if (contentSize !== undefined) output.reserve(contentSize, start, BLOCK_MAX);

  decoder.startFrame(Math.min(windowSize, BLOCK_MAX));
  for (let last = 0; last === 0; ) {
    const at = cursor.at;
    const header = cursor.u8("block header") | (cursor.u16("block header", true) << 8);
    last = header & 1;
    const type = (header >>> 1) & 3;
    const size = header >>> 3;
    if (type === 3) throw cursor.error("block type", at, 3, "0 (raw), 1 (RLE) or 2 (compressed)");
    if (size > decoder.sizeMax) throw cursor.error("block size", at, size, `up to ${decoder.sizeMax}`);
    if (type === 2) {
      decoder.decode(cursor.take(size, "block"), cursor.at - size);
      continue;
    }
    output.reserve(size, at);
    if (type === 0) output.bytes.set(cursor.take(size, "raw block"), output.length);
    else output.bytes.fill(cursor.u8("RLE block"), output.length, output.length + size);
    output.length += size;
  }

  const content = output.bytes.subarray(outputStart, output.length);
  if (contentSize !== undefined && contentSize !== content.length) {
    throw cursor.error("content size", start, contentSize, `${content.length}, the size of the frame's data`);
  }
  if (hasChecksum) {
    const at = cursor.at;
    const found = cursor.u32("content checksum", true);
    const actual = Number(xxh64(content) & 0xffff_ffffn);
    if (found !== actual) throw cursor.error("content checksum", at, found, actual);
  }
}

interface FrameHeader {
  contentSize: number | undefined;
  windowSize: number;
  hasChecksum: boolean;
}

function readFrameHeader(cursor: Cursor): FrameHeader {
  const start = cursor.at;
  const descriptor = cursor.u8("frame header descriptor");
  if (descriptor & 8) throw cursor.error("frame header descriptor", start, descriptor, "no reserved bit (8)");
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const window = isSingleSegment ? 0 : cursor.u8("window descriptor");
  const dictionaryAt = cursor.at;
  const dictionary = littleEndian(cursor, [0, 1, 2, 4][descriptor & 3] ?? 0, "dictionary id");
  if (dictionary !== 0) throw cursor.error("dictionary id", dictionaryAt, dictionary, "0, no dictionary");

  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const contentSize =
    sizeBytes === 0
      ? undefined
      : littleEndian(cursor, sizeBytes, "content size") + (sizeBytes === 2 ? 256 : 0);
  // In eighths: the power of two has eight, the mantissa adds up to seven.
  const windowSize =
    contentSize !== undefined && isSingleSegment
      ? contentSize
      : (8 + (window & 7)) * 2 ** ((window >>> 3) + 7);
  return { contentSize, windowSize, hasChecksum: (descriptor & 4) !== 0 };
}

function littleEndian(cursor: Cursor, size: number, field: string): number {
  return cursor.take(size, field).reduceRight((value, byte) => value * 256 + byte, 0);
}
