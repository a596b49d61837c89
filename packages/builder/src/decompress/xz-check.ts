import { crc32 } from "./crc32.ts";
import { crc64 } from "./crc64.ts";
import { damaged } from "./damage.ts";
import { sha256 } from "./sha256.ts";

/** How the data of a stream's blocks are guarded. */
export interface Check {
  name: string;
  /** Bytes after each block. */
  size: number;
  /** @throws PvhError when `found`, which stands at `at` in the payload, does not belong to `bytes` */
  verify(bytes: Uint8Array, found: Uint8Array, at: number): void;
}

const checks = new Map<number, Check>([
  [0, { name: "check (none)", size: 0, verify: () => {} }],
  [1, littleEndianCheck("CRC32", 4, (bytes) => BigInt(crc32(bytes)))],
  [4, littleEndianCheck("CRC64", 8, crc64)],
  [10, bigEndianCheck("SHA-256", 32, sha256)],
]);

/** The check that the stream flags at `at` (big endian) ask for. */
export function checkOf(flags: number, at: number): Check {
  const check = checks.get(flags);
  if (check === undefined) {
    throw damaged(
      "xz",
      "stream flags",
      at,
      `0x${flags.toString(16)}`,
      "check 0, 1 (CRC32), 4 (CRC64) or 10 (SHA-256)",
    );
  }
  return check;
}

function littleEndianCheck(name: string, size: number, sum: (bytes: Uint8Array) => bigint): Check {
  return bigEndianCheck(name, size, (bytes) => {
    const value = sum(bytes);
    return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  });
}

function bigEndianCheck(name: string, size: number, sum: (bytes: Uint8Array) => Uint8Array): Check {
  return {
    name,
    size,
    verify(bytes, found, at) {
      const actual = hexOf(sum(bytes));
      if (hexOf(found) !== actual) throw damaged("xz", `block ${name}`, at, hexOf(found), actual);
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
