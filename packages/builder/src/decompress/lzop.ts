import { adler32 } from "./adler32.ts";
import { crc32 } from "./crc32.ts";
import { Cursor } from "./cursor.ts";
import type { Bounds } from "./damage.ts";
import { decodeLzo1x } from "./lzo1x.ts";
import { Output } from "./output.ts";

const MAGIC = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a];
/** Since this version the header has the fields level, upper time and needed version. */
const VERSION_LONG = 0x0940;
/** LZO1X-1, LZO1X-1(15) and LZO1X-999: one decoder for all. */
const METHODS = [1, 2, 3];
const BLOCK_MAX = 64 << 20;

const FLAG_ADLER32_DATA = 0x1;
const FLAG_ADLER32_PACKED = 0x2;
const FLAG_EXTRA_FIELD = 0x40;
const FLAG_CRC32_DATA = 0x100;
const FLAG_CRC32_PACKED = 0x200;
const FLAG_FILTER = 0x800;
const FLAG_CRC32_HEADER = 0x1000;

/** Decompresses a file of the lzop tool, which is how Linux kernels use LZO. All checksums that it has are verified. */
export function decompressLzop(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("lzo", input);
  const output = new Output("lzo", bounds);
  do {
    const flags = readHeader(cursor);
    while (readBlock(cursor, output, flags));
  } while (cursor.remaining > 0);
  return output.finish(cursor.at);
}

/** @returns the flags */
function readHeader(cursor: Cursor): number {
  if (!cursor.startsWith(MAGIC)) {
    throw cursor.error("magic", cursor.at, "something else", "89 4c 5a 4f 00 0d 0a 1a 0a");
  }
  cursor.skip(MAGIC.length, "magic");
  const start = cursor.at;
  const version = cursor.u16("version", false);
  cursor.skip(2, "library version");
  const isLong = version >= VERSION_LONG;
  if (isLong) cursor.skip(2, "version needed");
  const methodAt = cursor.at;
  const method = cursor.u8("method");
  if (!METHODS.includes(method)) throw cursor.error("method", methodAt, method, "1, 2 or 3, LZO1X");
  if (isLong) cursor.skip(1, "level");
  const flagsAt = cursor.at;
  const flags = cursor.u32("flags", false);
  if (flags & FLAG_FILTER)
    throw cursor.error("flags", flagsAt, `0x${flags.toString(16)}`, "no filter (0x800)");
  cursor.skip(isLong ? 12 : 8, "mode and times");
  cursor.skip(cursor.u8("file name size"), "file name");
  const sum = flags & FLAG_CRC32_HEADER ? crc32 : adler32;
  expectSum(cursor, "header checksum", sum, cursor.bytes.subarray(start, cursor.at));
  if (flags & FLAG_EXTRA_FIELD) {
    const extraStart = cursor.at;
    cursor.skip(cursor.u32("extra field size", false), "extra field");
    expectSum(cursor, "extra field checksum", sum, cursor.bytes.subarray(extraStart, cursor.at));
  }
  return flags;
}

/** @returns false when it was the end mark */
function readBlock(cursor: Cursor, output: Output, flags: number): boolean {
  const start = cursor.at;
  const size = cursor.u32("block decompressed size", false);
  if (size === 0) return false;
  if (size > BLOCK_MAX) throw cursor.error("block decompressed size", start, size, `up to ${BLOCK_MAX}`);
  const packed = cursor.u32("block size", false);
  if (packed > size) throw cursor.error("block size", start + 4, packed, `up to ${size}`);

  // The sums stand before the data; those of packed data only where they differ from the data.
  const isStored = packed === size;
  const sums: {
    field: string;
    at: number;
    expected: number;
    sum: (bytes: Uint8Array) => number;
    packed: boolean;
  }[] = [];
  for (const [flag, field, sum, ofPacked] of [
    [FLAG_ADLER32_DATA, "block data Adler-32", adler32, false],
    [FLAG_CRC32_DATA, "block data CRC32", crc32, false],
    [FLAG_ADLER32_PACKED, "block Adler-32", adler32, true],
    [FLAG_CRC32_PACKED, "block CRC32", crc32, true],
  ] as const) {
    if (!(flags & flag) || (ofPacked && isStored)) continue;
    const at = cursor.at;
    sums.push({ field, at, expected: cursor.u32(field, false), sum, packed: ofPacked });
  }

  const from = cursor.at;
  const bytes = cursor.take(packed, "block");
  const verify = (checked: Uint8Array, ofPacked: boolean) => {
    for (const { field, at, expected, sum } of sums.filter((entry) => entry.packed === ofPacked)) {
      const actual = sum(checked);
      if (expected !== actual) throw cursor.error(field, at, expected, actual);
    }
  };
  verify(bytes, true);
  output.reserve(size, start);
  const outputStart = output.length;
  if (isStored) {
    output.bytes.set(bytes, outputStart);
    output.length += size;
  } else {
    decodeLzo1x(cursor.bytes, from, cursor.at, output, size);
  }
  verify(output.bytes.subarray(outputStart, output.length), false);
  return true;
}

function expectSum(
  cursor: Cursor,
  field: string,
  sum: (bytes: Uint8Array) => number,
  bytes: Uint8Array,
): void {
  const at = cursor.at;
  const found = cursor.u32(field, false);
  const actual = sum(bytes);
  if (found !== actual) throw cursor.error(field, at, found, actual);
}
