import type { Headers } from "./headers.ts";

/** The Internet checksum (RFC 1071) where an end cannot do it itself. */

/** Sum of the 16-bit big-endian words in [start, end), carries not yet folded in; an odd last byte is a high one. */
function sum(bytes: Uint8Array, start: number, end: number): number {
  let total = 0;
  let at = start;
  for (; at + 1 < end; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (at < end) total += (bytes[at] ?? 0) << 8;
  return total;
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

/**
 * Writes the checksum of [start, end) to `field`, where the pseudo header's sum stands until then. 0 is written as
 * 0xffff, since 0 would say that there is no checksum.
 */
export function completeChecksum(bytes: Uint8Array, start: number, end: number, field: number): void {
  const checksum = ~fold(sum(bytes, start, end)) & 0xffff;
  put(bytes, field, checksum === 0 ? 0xffff : checksum);
}

/** Writes the sum of the pseudo header to the packet's checksum field, for somebody who completes it. */
export function writePseudoHeaderSum(bytes: Uint8Array, headers: Headers, end: number): void {
  const addresses = headers.family === "ipv4" ? 12 : 8;
  const size = headers.family === "ipv4" ? 8 : 32;
  const from = headers.network + addresses;
  const length = end - headers.transport;
  const total = sum(bytes, from, from + size) + headers.protocol + length;
  put(bytes, headers.transport + headers.checksum, fold(total));
}

function put(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
