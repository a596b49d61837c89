import { crc32 } from "./crc32.ts";
import { Cursor } from "./cursor.ts";
import { type Bounds, damaged } from "./damage.ts";
import { decodeLzma2 } from "./lzma2.ts";
import { Output } from "./output.ts";
import { unfilterX86 } from "./x86-filter.ts";
import { type Check, checkOf } from "./xz-check.ts";

const HEADER_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const FILTER_X86 = 0x04;
const FILTER_LZMA2 = 0x21;

/** What the index must repeat about a block: size of header, data and check without padding; size of its data. */
interface BlockSizes {
  unpadded: number;
  uncompressed: number;
}

/**
 * Decompresses the streams of a .xz file (xz file format 1.1.0) with the filters LZMA2 and x86, which is what Linux
 * kernels use on x86. Every checksum is verified, and the index against the blocks.
 */
export function decompressXz(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("xz", input);
  const output = new Output("xz", bounds);
  do readStream(cursor, output);
  while (skipStreamPadding(cursor));
  return output.finish(cursor.at);
}

function readStream(cursor: Cursor, output: Output): void {
  const start = cursor.at;
  if (!cursor.startsWith(HEADER_MAGIC)) {
    throw cursor.error("stream header magic", start, "something else", "fd 37 7a 58 5a 00");
  }
  cursor.skip(HEADER_MAGIC.length, "stream header magic");
  const flags = cursor.u16("stream flags", false);
  expectCrc32(cursor, "stream header CRC32", start + 6, start + 8);
  const check = checkOf(flags, start + 6);

  const blocks: BlockSizes[] = [];
  while (cursor.remaining > 0 && cursor.bytes[cursor.at] !== 0) blocks.push(readBlock(cursor, output, check));
  const indexSize = readIndex(cursor, blocks);
  readFooter(cursor, flags, indexSize);
}

function readBlock(cursor: Cursor, output: Output, check: Check): BlockSizes {
  const start = cursor.at;
  const header = readBlockHeader(cursor);
  const dataStart = cursor.at;
  const outputStart = output.length;
  cursor.at = decodeLzma2(cursor.bytes, cursor.at, output, header.dictionarySize);

  const packed = cursor.at - dataStart;
  if (header.packed !== undefined && packed !== header.packed) {
    throw cursor.error("block compressed size", start, header.packed, `${packed}, the size of its data`);
  }
  const size = output.length - outputStart;
  if (header.uncompressed !== undefined && size !== header.uncompressed) {
    throw cursor.error(
      "block uncompressed size",
      start,
      header.uncompressed,
      `${size}, the size of its data`,
    );
  }
  const unpadded = cursor.at - start + check.size;
  expectZeros(cursor, "block padding", (4 - (packed & 3)) & 3);

  const bytes = output.bytes.subarray(outputStart, output.length);
  if (header.x86Start !== undefined) unfilterX86(bytes, header.x86Start);
  const checkAt = cursor.at;
  const found = cursor.take(check.size, `block ${check.name}`);
  check.verify(bytes, found, checkAt);
  return { unpadded, uncompressed: size };
}

interface BlockHeader {
  packed: number | undefined;
  uncompressed: number | undefined;
  dictionarySize: number;
  /** Present when the x86 filter is: its start address. */
  x86Start: number | undefined;
}

function readBlockHeader(cursor: Cursor): BlockHeader {
  const start = cursor.at;
  const size = (cursor.u8("block header size") + 1) * 4;
  const end = start + size - 4;
  cursor.at = start;
  cursor.skip(size, "block header");
  cursor.at = end;
  expectCrc32(cursor, "block header CRC32", start, end);

  cursor.at = start + 1;
  const flags = cursor.u8("block flags");
  if (flags & 0x3c) throw cursor.error("block flags", start + 1, flags, "no reserved bit (0x3c)");
  const packed = flags & 0x40 ? readVarint(cursor, "block compressed size") : undefined;
  const uncompressed = flags & 0x80 ? readVarint(cursor, "block uncompressed size") : undefined;

  let x86Start: number | undefined;
  const filters = (flags & 3) + 1;
  for (let i = 1; i < filters; i++) {
    const at = cursor.at;
    const { id, properties } = readFilter(cursor);
    const allowed = `only x86 (0x4) before LZMA2 (0x21), once`;
    if (id !== FILTER_X86 || x86Start !== undefined) {
      throw cursor.error(`filter ${i} id`, at, `0x${id.toString(16)}`, allowed);
    }
    if (properties.length !== 0 && properties.length !== 4) {
      throw cursor.error(`filter ${i} properties size`, at, properties.length, "0 or 4");
    }
    x86Start = properties.reduceRight((value, byte) => ((value << 8) | byte) >>> 0, 0);
  }
  const at = cursor.at;
  const { id, properties } = readFilter(cursor);
  if (id !== FILTER_LZMA2) {
    throw cursor.error("last filter id", at, `0x${id.toString(16)}`, "0x21, LZMA2");
  }
  const bits = properties[0];
  if (properties.length !== 1 || bits === undefined || bits > 40) {
    throw cursor.error("LZMA2 dictionary size", at, `[${properties.join()}]`, "one byte from 0 to 40");
  }
  if (cursor.at > end) throw cursor.error("block header", start, "filters beyond its size", `${size} bytes`);
  expectZeros(cursor, "block header padding", end - cursor.at);
  cursor.at = end + 4;
  const dictionarySize = bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** ((bits >>> 1) + 11);
  return { packed, uncompressed, dictionarySize, x86Start };
}

function readFilter(cursor: Cursor): { id: number; properties: Uint8Array } {
  const id = readVarint(cursor, "filter id");
  const size = readVarint(cursor, "filter properties size");
  return { id, properties: cursor.take(size, "filter properties") };
}

/** @returns its size in bytes */
function readIndex(cursor: Cursor, blocks: BlockSizes[]): number {
  const start = cursor.at;
  cursor.skip(1, "index indicator");
  const count = readVarint(cursor, "index record count");
  if (count !== blocks.length) throw cursor.error("index record count", start + 1, count, blocks.length);
  for (const [i, block] of blocks.entries()) {
    for (const [key, name] of [
      ["unpadded", "unpadded size"],
      ["uncompressed", "uncompressed size"],
    ] as const) {
      const at = cursor.at;
      const found = readVarint(cursor, `index record ${i} ${name}`);
      if (found !== block[key]) throw cursor.error(`index record ${i} ${name}`, at, found, block[key]);
    }
  }
  expectZeros(cursor, "index padding", (4 - ((cursor.at - start) & 3)) & 3);
  expectCrc32(cursor, "index CRC32", start, cursor.at);
  return cursor.at - start;
}

function readFooter(cursor: Cursor, headerFlags: number, indexSize: number): void {
  const start = cursor.at;
  const crc = cursor.u32("stream footer CRC32", true);
  const backward = (cursor.u32("stream footer backward size", true) + 1) * 4;
  const flags = cursor.u16("stream footer flags", false);
  const magic = cursor.u16("stream footer magic", false);
  if (magic !== 0x595a) throw cursor.error("stream footer magic", start + 10, magic, 0x595a);
  const actual = crc32(cursor.bytes.subarray(start + 4, start + 10));
  if (crc !== actual) throw cursor.error("stream footer CRC32", start, crc, actual);
  if (backward !== indexSize) {
    throw cursor.error("stream footer backward size", start + 4, backward, indexSize);
  }
  if (flags !== headerFlags) throw cursor.error("stream footer flags", start + 8, flags, headerFlags);
}

/** @returns whether another stream follows */
function skipStreamPadding(cursor: Cursor): boolean {
  const start = cursor.at;
  while (cursor.remaining > 0 && cursor.bytes[cursor.at] === 0) cursor.at++;
  const size = cursor.at - start;
  if (size & 3) throw cursor.error("stream padding", start, `${size} bytes`, "a multiple of 4");
  return cursor.remaining > 0;
}

/** A variable-length integer: seven bits a byte, lowest first. */
function readVarint(cursor: Cursor, field: string): number {
  const start = cursor.at;
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = cursor.u8(field);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      if (byte === 0 && i > 0) throw cursor.error(field, start, "a padded number", "its shortest form");
      if (value > Number.MAX_SAFE_INTEGER) throw cursor.error(field, start, value, "below 2^53");
      return value;
    }
  }
  throw cursor.error(field, start, "more than 9 bytes", "a number of up to 9 bytes");
}

function expectZeros(cursor: Cursor, field: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = cursor.at;
    const byte = cursor.u8(field);
    if (byte !== 0) throw cursor.error(field, at, byte, 0);
  }
}

/** Reads the CRC32 at the cursor, which guards `start` to `end`. */
function expectCrc32(cursor: Cursor, field: string, start: number, end: number): void {
  const at = cursor.at;
  const found = cursor.u32(field, true);
  const actual = crc32(cursor.bytes.subarray(start, end));
  if (found !== actual) throw damaged("xz", field, at, found, actual);
}
