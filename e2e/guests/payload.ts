/** The ramdisk and the command line that the entry guests check: both carry their own checksums. */
import { crc32 } from "node:zlib";

/**
 * Bytes. Small, because some hosts emulate every instruction of the guest that sums them; not a whole number of pages,
 * so that the zero tail of the last page shows.
 */
export const RAMDISK_SIZE = 6_001;

export function ramdiskBytes(size = RAMDISK_SIZE): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 0x2545f491;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

export interface CommandLineOptions {
  /** MiB. */
  memory: number;
  /** Absent: the guest expects no ramdisk. */
  ramdisk?: Uint8Array;
  /** Further words, with blanks, quotes and the like as they come. */
  words?: string;
}

/** A command line as lib/payload.h describes it; its last word is the CRC-32 of everything before. */
export function commandLine({ memory, ramdisk, words }: CommandLineOptions): string {
  const text = [
    `memory_mib=${memory}`,
    `ramdisk_size=${ramdisk?.length ?? 0}`,
    ...(ramdisk ? [`ramdisk_crc32=${hex32(crc32(ramdisk))}`] : []),
    ...(words === undefined ? [] : [words]),
    "",
  ].join(" ");
  return `${text}cmdline_crc32=${hex32(crc32(text))}`;
}
