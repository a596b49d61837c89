import { BitReader } from "./bzip2-bits.ts";
import { readBlock } from "./bzip2-block.ts";
import type { Bounds } from "./damage.ts";
import { Output } from "./output.ts";

/** Digits of pi begin a block, those of its square root end a stream. */
const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const FORMAT_MAGIC = 0x425a68;
/** A level is the size of its blocks in these. */
const LEVEL_UNIT = 100_000;

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** Decompresses the streams of a .bz2 file. The CRC32 of every block and of every stream is verified. */
export function decompressBzip2(input: Uint8Array, bounds: Bounds): Uint8Array {
  const output = new Output("bzip2", bounds);
  const reader = new BitReader(input);
  // The bytes of a block; later each also has the index of its successor. One for all streams, however many.
  let chain = new Uint32Array();
  do {
    const blockMax = readHeader(reader);
    if (chain.length < blockMax) chain = new Uint32Array(blockMax);
    readBlocks(reader, output, chain.subarray(0, blockMax));
  } while (reader.offset < input.length);
  return output.finish(input.length);
}

/** @returns most bytes that a block of the stream has */
function readHeader(reader: BitReader): number {
  const at = reader.offset;
  const magic = reader.bits(24, "magic");
  if (magic !== FORMAT_MAGIC) throw reader.error("magic", at, `0x${magic.toString(16)}`, "0x425a68");
  const level = reader.bits(8, "level") - 0x30;
  if (level < 1 || level > 9) throw reader.error("level", at + 3, level, "1 to 9");
  return level * LEVEL_UNIT;
}

function readBlocks(reader: BitReader, output: Output, chain: Uint32Array): void {
  let combined = 0;
  for (;;) {
    const start = reader.offset;
    const blockMagic = reader.bits(24, "block magic") * 2 ** 24 + reader.bits(24, "block magic");
    if (blockMagic !== BLOCK_MAGIC && blockMagic !== END_MAGIC) {
      const allowed = "0x314159265359 or 0x177245385090";
      throw reader.error("block magic", start, `0x${blockMagic.toString(16)}`, allowed);
    }
    const crcAt = reader.offset;
    const crc = reader.bits(16, "CRC32") * 2 ** 16 + reader.bits(16, "CRC32");
    if (blockMagic === END_MAGIC) {
      if (crc !== combined) throw reader.error("stream CRC32", crcAt, crc, combined);
      reader.alignToByte();
      return;
    }
    const { size, origin } = readBlock(reader, chain);
    const actual = writeBlock(chain, size, origin, output, start);
    if (crc !== actual) throw reader.error("block CRC32", crcAt, crc, actual);
    combined = (((combined << 1) | (combined >>> 31)) ^ actual) >>> 0;
  }
}

/**
 * Undoes the sorting and then the first run-length coding: a byte follows four equal ones that tells how many more of
 * them there were.
 *
 * @returns the CRC32 of what it wrote
 */
function writeBlock(
  chain: Uint32Array,
  size: number,
  origin: number,
  output: Output,
  offset: number,
): number {
  linkSuccessors(chain, size);
  let bytes = output.bytes;
  let at = output.length;
  let crc = -1;
  let next = (chain[origin] as number) >>> 8;
  let previous = -1;
  let equal = 0;
  for (let i = 0; i < size; i++) {
    const entry = chain[next] as number;
    next = entry >>> 8;
    let byte = entry & 255;
    let count = 1;
    if (equal === 4) {
      count = byte;
      byte = previous;
      equal = 0;
    } else {
      equal = byte === previous ? equal + 1 : 1;
      previous = byte;
    }
    if (at + count > bytes.length) {
      output.length = at;
      output.reserve(count, offset);
      bytes = output.bytes;
    }
    for (; count > 0; count--) {
      bytes[at++] = byte;
      crc = (crc << 8) ^ (crcTable[(crc >>> 24) ^ byte] as number);
    }
  }
  output.length = at;
  return ~crc >>> 0;
}

/** Turns the last column of the sorted rotations into a chain: entry i gets, above its byte, the row that follows. */
function linkSuccessors(chain: Uint32Array, size: number): void {
  const starts = new Uint32Array(257);
  for (let i = 0; i < size; i++) {
    const after = (chain[i] as number) + 1;
    starts[after] = (starts[after] as number) + 1;
  }
  for (let byte = 1; byte < 257; byte++) {
    starts[byte] = (starts[byte] as number) + (starts[byte - 1] as number);
  }
  for (let i = 0; i < size; i++) {
    const byte = (chain[i] as number) & 255;
    const row = starts[byte] as number;
    starts[byte] = row + 1;
    chain[row] = (chain[row] as number) | (i << 8);
  }
}
