import { crc32 } from "./crc32.ts";
import { Cursor } from "./cursor.ts";
import type { Bounds } from "./damage.ts";
import { inflate, MATCH_MAX } from "./inflate.ts";
import { Output } from "./output.ts";

const DEFLATE = 8;
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const FLAGS_RESERVED = 0xe0;

/** Deflate makes at most 258 bytes of two bits. */
const MAX_RATIO = 1032;

/** Decompresses the members of a gzip file (RFC 1952). Zeros may follow the last one, as tapes leave them. */
export function decompressGzip(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("gzip", input);
  const output = new Output("gzip", bounds, sizeHint(input));
  do readMember(cursor, output);
  while (!onlyZerosFollow(cursor));
  return output.finish(cursor.at);
}

function readMember(cursor: Cursor, output: Output): void {
  readHeader(cursor);
  const start = output.length;
  cursor.at = inflate(cursor.bytes, cursor.at, output);

  const bytes = output.bytes.subarray(start, output.length);
  const at = cursor.at;
  const crc = cursor.u32("CRC32", true);
  const actual = crc32(bytes);
  if (crc !== actual) throw cursor.error("CRC32", at, crc, actual);
  const size = cursor.u32("ISIZE", true);
  const expected = bytes.length % 2 ** 32;
  if (size !== expected) throw cursor.error("ISIZE", at + 4, size, expected);
}

function readHeader(cursor: Cursor): void {
  const start = cursor.at;
  const magic = cursor.u16("magic", false);
  if (magic !== 0x1f8b) throw cursor.error("magic", start, `0x${magic.toString(16)}`, "0x1f8b");
  const method = cursor.u8("method");
  if (method !== DEFLATE) throw cursor.error("method", start + 2, method, "8, deflate");
  const flags = cursor.u8("flags");
  if (flags & FLAGS_RESERVED) throw cursor.error("flags", start + 3, flags, "no reserved bit (0xe0)");
  cursor.skip(6, "modification time, extra flags and system");
  if (flags & FLAG_EXTRA) cursor.skip(cursor.u16("extra field size", true), "extra field");
  if (flags & FLAG_NAME) while (cursor.u8("file name") !== 0);
  if (flags & FLAG_COMMENT) while (cursor.u8("comment") !== 0);
  if (flags & FLAG_HEADER_CRC) {
    const at = cursor.at;
    const actual = crc32(cursor.bytes.subarray(start, at)) & 0xffff;
    const found = cursor.u16("header CRC16", true);
    if (found !== actual) throw cursor.error("header CRC16", at, found, actual);
  }
}

/** ISIZE of the last member, if deflate could make that much of the input, and what inflating wants beyond. */
function sizeHint(input: Uint8Array): number {
  const at = Math.max(input.length - 4, 0);
  const size = input.subarray(at).reduceRight((value, byte) => value * 256 + byte, 0);
  return Math.min(size, input.length * MAX_RATIO) + MATCH_MAX;
}

function onlyZerosFollow(cursor: Cursor): boolean {
  const start = cursor.at;
  while (cursor.remaining > 0 && cursor.bytes[cursor.at] === 0) cursor.at++;
  if (cursor.at === start || cursor.remaining === 0) return cursor.remaining === 0;
  throw cursor.error("padding", cursor.at, "data after zeros", "another member at once, or zeros to the end");
}
