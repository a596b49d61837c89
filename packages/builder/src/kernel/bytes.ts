import { type ErrorCode, hex, PvhError } from "@pvh/errors";

/**
 * The view of `size` bytes at `offset`.
 *
 * @throws KERNEL_TRUNCATED when the file ends before. `what` begins the sentence: `program header table`.
 */
export function viewAt(
  file: Uint8Array,
  what: string,
  field: string,
  offset: number | bigint,
  size: number | bigint,
  code: ErrorCode = "KERNEL_TRUNCATED",
): Uint8Array {
  const start = BigInt(offset);
  const length = BigInt(size);
  if (start + length > BigInt(file.length)) {
    throw new PvhError(
      code,
      `The ${what} (${field}) takes ${hex(length)} bytes at offset ${hex(start)}, but the file ends at ${hex(file.length)}.`,
      { field, offset: Number(start), found: hex(start + length), allowed: `at most ${hex(file.length)}` },
    );
  }
  return file.subarray(Number(start), Number(start + length));
}

/**
 * Bytes up to the first NUL as text, at most `limit` of them. Everything but printable ASCII is escaped as `\x1b`, so that
 * a hostile file cannot reach the terminal.
 */
export function textOf(bytes: Uint8Array, limit: number): string {
  const head = bytes.subarray(0, limit);
  const nul = head.indexOf(0);
  let text = "";
  for (const byte of nul < 0 ? head : head.subarray(0, nul)) {
    text +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

/** `de ad be ef`; of more than 256 bytes the first 256, and how many there are. */
export function rawBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 256), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > 256 ? `${shown} ... (${bytes.length} bytes)` : shown;
}

export function startsWith(bytes: Uint8Array, magic: ArrayLike<number>, offset = 0): boolean {
  if (bytes.length < offset + magic.length) return false;
  for (let i = 0; i < magic.length; i++) {
    if (bytes[offset + i] !== magic[i]) return false;
  }
  return true;
}

export function u16At(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

/** Little endian; bytes beyond the end count as zero. */
export function u32At(bytes: Uint8Array, offset: number): number {
  return (u16At(bytes, offset) | (u16At(bytes, offset + 2) << 16)) >>> 0;
}

/** The whole view as one little-endian unsigned integer. */
export function integerOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

export function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}
