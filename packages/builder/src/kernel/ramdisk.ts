import { PvhError } from "@pvh/errors";
import { decompress, detectCompression } from "../decompress/index.ts";
import { u32At } from "./bytes.ts";
import { defaultMaxUnpacked, type UnpackLimits } from "./unpack.ts";

/** Deflate makes at most so many bytes of one. */
const maxDeflateRatio = 1032;

/**
 * The ramdisk as the guest gets it: unpacked when it is one gzip stream, else as it is, which includes other
 * compressions, damaged gzip, several gzip streams behind each other, and what would exceed the limit. Linux unpacks
 * all of them itself; this is what libxc 4.17 does.
 */
export function unpackRamdisk(file: Uint8Array, limits: UnpackLimits = {}): Uint8Array {
  if (detectCompression(file) !== "gzip" || file.length < 18) return file;
  const limit = limits.maxUnpacked ?? defaultMaxUnpacked;
  const size = u32At(file, file.length - 4);
  if (size === 0 || size > file.length * maxDeflateRatio) return file;
  try {
    return decompress("gzip", file, { size, limit });
  } catch (error) {
    if (error instanceof PvhError) return file;
    throw error;
  }
}
