import { hex, PvhError } from "@pvh/errors";

/** What a decoder is given besides the payload. */
export interface Bounds {
  /** Exact size of the decompressed data in bytes, when something outside the payload declares it. */
  size?: number | undefined;
  /** Most bytes that may come out. */
  limit: number;
}

/**
 * The error for a payload that breaks its format's rules, or uses a part of the format that is not supported.
 *
 * @param format as people call it: `xz`, `lz4`
 * @param field the structure or field, in the format's own notation
 * @param offset of the field, in bytes from the start of the payload
 */
export function damaged(
  format: string,
  field: string,
  offset: number,
  found: string | number,
  allowed: string | number,
  cause?: unknown,
): PvhError {
  const message = `The ${format} payload is damaged or unsupported: ${field} at offset ${hex(offset)} is ${found}; allowed is ${allowed}.`;
  return new PvhError("KERNEL_COMPRESSION", message, {
    field: `${format} ${field}`,
    offset,
    found,
    allowed,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The error for data that would exceed the caller's limit. */
export function tooLarge(format: string, offset: number, found: string | number, limit: number): PvhError {
  const message = `The ${format} payload decompresses to ${found} bytes (seen at offset ${hex(offset)}), more than the limit of ${limit} bytes.`;
  return new PvhError("KERNEL_TOO_LARGE", message, {
    field: `${format} decompressed size`,
    offset,
    found,
    allowed: limit,
  });
}
