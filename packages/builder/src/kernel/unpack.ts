import { elfMagic } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { type Compression, decompress, detectCompression, payloadSize } from "../decompress/index.ts";
import { rawBytes, startsWith } from "./bytes.ts";
import { bzImagePayload, isBzImage } from "./bzimage.ts";
import { foreignFormatError } from "./foreign-formats.ts";
import type { UnpackedKernel } from "./types.ts";

export interface UnpackLimits {
  /** Most bytes that one decompression may yield. Default 1 GiB, as libxc has it. */
  maxUnpacked?: number;
  /** Decoders for payloads of bzImages that are quicker than those here. */
  decoders?: Partial<Record<Compression, QuickDecoder>>;
}

/** Gives exactly `size` bytes; undefined for what it does not take, which the decoder here is asked then, and says why. */
export type QuickDecoder = (input: Uint8Array, size: number) => Uint8Array | undefined;

export const defaultMaxUnpacked = 2 ** 30;

/**
 * Reduces a kernel file to the ELF file in it: an ELF file itself, the payload of a bzImage, or one of them inside one
 * layer of compression. An uncompressed ELF file comes back as the view it is.
 *
 * @throws KERNEL_FORMAT for every other file, naming what it is; KERNEL_BZIMAGE, KERNEL_TRUNCATED,
 * KERNEL_COMPRESSION, KERNEL_TOO_LARGE.
 */
export function unpackKernel(file: Uint8Array, limits: UnpackLimits = {}): UnpackedKernel {
  const limit = limits.maxUnpacked ?? defaultMaxUnpacked;
  if (isElf(file)) return { format: "elf", compression: "none", elf: file };
  if (isBzImage(file)) return { format: "bzImage", ...unpackBzImage(file, limit, limits.decoders) };

  const wrapper = detectCompression(file);
  if (wrapper === undefined || wrapper === "none") throw foreignFormatError(file);
  const inner = decompress(wrapper, file, { limit });
  if (isElf(inner)) return { format: `${wrapper}-elf`, compression: wrapper, elf: inner };
  if (isBzImage(inner))
    return { format: `${wrapper}-bzImage`, ...unpackBzImage(inner, limit, limits.decoders) };
  throw foreignFormatError(inner, `${wrapper} data`);
}

function unpackBzImage(
  file: Uint8Array,
  limit: number,
  decoders: UnpackLimits["decoders"] = {},
): { compression: Compression; elf: Uint8Array } {
  const payload = bzImagePayload(file);
  const compression = detectCompression(payload);
  if (compression === undefined) {
    const found = rawBytes(payload.subarray(0, 8));
    throw new PvhError(
      "KERNEL_COMPRESSION",
      `The payload of the bzImage begins with ${found}; right would be gzip, bzip2, xz, lzma, lzo, lz4, zstd or an ELF file.`,
      { field: "payload", offset: payload.byteOffset - file.byteOffset, found },
    );
  }
  const { size, body } = payloadSize(compression, payload);
  const quick = size === undefined || size > limit ? undefined : decoders[compression]?.(body, size);
  const elf = quick ?? decompress(compression, body, { size, limit });
  if (!isElf(elf)) throw foreignFormatError(elf, `${compression} payload`);
  return { compression, elf };
}

function isElf(file: Uint8Array): boolean {
  return startsWith(file, elfMagic);
}
