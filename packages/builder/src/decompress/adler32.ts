const MODULUS = 65521;
/** Most bytes whose sums stay below 2^32 before they are reduced. */
const RUN = 5552;

/** Adler-32 (RFC 1950), as lzop uses it. @returns unsigned */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(at + RUN, bytes.length);
    for (; at < end; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return ((b << 16) | a) >>> 0;
}
