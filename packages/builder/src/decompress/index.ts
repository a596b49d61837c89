import { decompressBzip2 } from "./bzip2.ts";
import type { Compression } from "./compression.ts";
import { type Bounds, damaged, tooLarge } from "./damage.ts";
import { decompressGzip } from "./gzip.ts";
import { decompressLz4 } from "./lz4.ts";
import { decompressLzma } from "./lzma.ts";
import { decompressLzop } from "./lzop.ts";
import { decompressXz } from "./xz.ts";
import { decompressZstd } from "./zstd.ts";

export { type Compression, detectCompression, payloadSize } from "./compression.ts";
export type { Bounds } from "./damage.ts";

const decoders: Record<Compression, (input: Uint8Array, bounds: Bounds) => Uint8Array> = {
  none: passThrough,
  gzip: decompressGzip,
  bzip2: decompressBzip2,
  xz: decompressXz,
  lzma: decompressLzma,
  lzo: decompressLzop,
  lz4: decompressLz4,
  zstd: decompressZstd,
};

/**
 * Decompresses a kernel payload or a ramdisk.
 *
 * All checksums that the format has are verified. The output is allocated once when `size` is given; otherwise it
 * grows, and peak memory stays below 1.5 times `limit`. With compression `none` the input itself comes back.
 *
 * @param input without the size word that a Linux kernel's build appends, see `payloadSize`. Nothing may follow the
 * compressed data but what the format allows: zeros (gzip), padding to 4 bytes (xz), further members or frames.
 * @param bounds `size`: exact bytes of the result, if known; `limit`: most bytes of it
 * @throws PvhError KERNEL_COMPRESSION when the data is damaged, unsupported, or not `size` bytes;
 * KERNEL_TOO_LARGE when `size` or the data exceeds `limit`
 */
export function decompress(compression: Compression, input: Uint8Array, bounds: Bounds): Uint8Array {
  return decoders[compression](input, bounds);
}

function passThrough(input: Uint8Array, { size = input.length, limit }: Bounds): Uint8Array {
  if (size > limit) throw tooLarge("uncompressed", 0, size, limit);
  if (size !== input.length) throw damaged("uncompressed", "size", 0, input.length, `exactly ${size}`);
  return input;
}
