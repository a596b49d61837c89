import { Cursor } from "./cursor.ts";
import type { Bounds } from "./damage.ts";
import { decodeLz4Block } from "./lz4-block.ts";
import { Output } from "./output.ts";
import { xxh32 } from "./xxhash.ts";

const MAGIC_LEGACY = 0x184c2102;
const MAGIC_FRAME = 0x184d2204;
/** Frames of user data that decoders skip have magics from here to 15 above. */
const MAGIC_SKIPPABLE = 0x184d2a50;
const LEGACY_BLOCK_MAX = 8 << 20;

/**
 * Decompresses LZ4 frames (lz4_Frame_format.md): the legacy one, which Linux kernels use, and the current one.
 * Legacy frames have no checksum; all that the current one has are verified.
 */
export function decompressLz4(input: Uint8Array, bounds: Bounds): Uint8Array {
  const cursor = new Cursor("lz4", input);
  const output = new Output("lz4", bounds);
  do {
    const at = cursor.at;
    const magic = cursor.u32("magic", true);
    if (magic === MAGIC_LEGACY) readLegacyFrame(cursor, output);
    else if (magic === MAGIC_FRAME) readFrame(cursor, output);
    else if (magic >= MAGIC_SKIPPABLE && magic < MAGIC_SKIPPABLE + 16) {
      cursor.skip(cursor.u32("skippable frame size", true), "skippable frame");
    } else throw cursor.error("magic", at, `0x${magic.toString(16)}`, "0x184c2102 (legacy) or 0x184d2204");
  } while (cursor.remaining > 0);
  return output.finish(cursor.at);
}

/** Blocks of size and data, to the end of the payload or the next frame's magic: no size is as large as a magic. */
function readLegacyFrame(cursor: Cursor, output: Output): void {
  while (cursor.remaining > 0) {
    const at = cursor.at;
    const size = cursor.u32("block size", true);
    if (size === MAGIC_LEGACY || size === MAGIC_FRAME) {
      cursor.at = at;
      return;
    }
    const start = cursor.at;
    cursor.skip(size, "block");
    decodeLz4Block(cursor.bytes, start, cursor.at, output, output.length, LEGACY_BLOCK_MAX);
  }
}

function readFrame(cursor: Cursor, output: Output): void {
  const descriptor = cursor.at;
  const flags = cursor.u8("frame flags");
  if (flags >>> 6 !== 1 || flags & 2)
    throw cursor.error("frame flags", descriptor, flags, "version 1, bit 1 clear");
  const blocks = cursor.u8("block descriptor");
  if (blocks & 0x8f || blocks >>> 4 < 4) {
    throw cursor.error("block descriptor", descriptor + 1, blocks, "0x40, 0x50, 0x60 or 0x70");
  }
  const sizeAt = cursor.at;
  const size =
    flags & 8 ? cursor.u32("content size", true) + cursor.u32("content size", true) * 2 ** 32 : undefined;
  if (flags & 1) throw cursor.error("frame flags", descriptor, "a dictionary", "none");
  const header = cursor.bytes.subarray(descriptor, cursor.at);
  expectSum(cursor, "header checksum", cursor.u8("header checksum"), (xxh32(header) >>> 8) & 255, 1);

  const start = output.length;
  const independent = (flags & 0x20) !== 0;
  const blockMax = 1 << (2 * (blocks >>> 4) + 8);
  for (;;) {
    const blockAt = cursor.at;
    const word = cursor.u32("block size", true);
    if (word === 0) break;
    const packed = word & 0x7fff_ffff;
    if (packed > blockMax) throw cursor.error("block size", blockAt, packed, `up to ${blockMax}`);
    const bytes = cursor.take(packed, "block");
    if (flags & 0x10)
      expectSum(cursor, "block checksum", cursor.u32("block checksum", true), xxh32(bytes), 4);
    if (word >= 0x8000_0000) {
      output.reserve(packed, blockAt);
      output.bytes.set(bytes, output.length);
      output.length += packed;
    } else {
      const from = blockAt + 4;
      decodeLz4Block(
        cursor.bytes,
        from,
        from + packed,
        output,
        independent ? output.length : start,
        blockMax,
      );
    }
  }
  const content = output.bytes.subarray(start, output.length);
  if (size !== undefined && size !== content.length) {
    throw cursor.error("content size", sizeAt, size, `${content.length}, the size of the frame's data`);
  }
  if (flags & 4)
    expectSum(cursor, "content checksum", cursor.u32("content checksum", true), xxh32(content), 4);
}

/** Compares a sum of `width` bytes that was just read. */
function expectSum(cursor: Cursor, field: string, found: number, actual: number, width: number): void {
  if (found !== actual) throw cursor.error(field, cursor.at - width, found, actual);
}
