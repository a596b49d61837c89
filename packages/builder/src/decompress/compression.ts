import { damaged } from "./damage.ts";

/** `none`: an ELF file as it is. `lzma`: the .lzma format. `lzo`: the lzop tool's format. */
export type Compression = "none" | "gzip" | "bzip2" | "xz" | "lzma" | "lzo" | "lz4" | "zstd";

/** What each format begins with; for lzma the usual properties byte, as the format has no magic. */
const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["none", [0x7f, 0x45, 0x4c, 0x46]],
  ["gzip", [0x1f, 0x8b]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["lzma", [0x5d, 0x00]],
  ["lzo", [0x89, 0x4c, 0x5a, 0x4f, 0x00]],
  ["lz4", [0x02, 0x21]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
];

/** The compression by its magic, `none` for an ELF file; undefined when it begins like no format that is known. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0];
}

/**
 * Splits the payload of a Linux kernel: its build appends the decompressed size as a little-endian word, except to
 * gzip, which has it as ISIZE, and to what is not compressed. Those come back whole and without a size.
 *
 * @returns `body` is what `decompress` takes
 */
export function payloadSize(
  compression: Compression,
  payload: Uint8Array,
): { size: number | undefined; body: Uint8Array } {
  if (compression === "none" || compression === "gzip") return { size: undefined, body: payload };
  const at = payload.length - 4;
  if (at < 0) throw damaged(compression, "size word", 0, `${payload.length} bytes`, "4 bytes at the end");
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { size: view.getUint32(at, true), body: payload.subarray(0, at) };
}
