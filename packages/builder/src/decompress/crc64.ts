const POLYNOMIAL_HIGH = 0xc96c5795 | 0;
const POLYNOMIAL_LOW = 0xd7870f42 | 0;

// Halves of the slicing-by-4 table: JavaScript's bit operations have 32 bits.
const highs = new Int32Array(4 * 256);
const lows = new Int32Array(4 * 256);
for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
  }
  highs[byte] = high;
  lows[byte] = low;
}
for (let i = 256; i < lows.length; i++) {
  const low = lows[i - 256] as number;
  const high = highs[i - 256] as number;
  lows[i] = ((low >>> 8) | (high << 24)) ^ (lows[low & 255] as number);
  highs[i] = (high >>> 8) ^ (highs[low & 255] as number);
}

/** CRC-64 of ECMA-182, reflected, as xz uses it. */
export function crc64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let high = -1;
  let low = -1;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    const word = low ^ view.getInt32(at, true);
    const a = 0x300 + (word & 255);
    const b = 0x200 + ((word >>> 8) & 255);
    const c = 0x100 + ((word >>> 16) & 255);
    const d = word >>> 24;
    low = high ^ (lows[a] as number) ^ (lows[b] as number) ^ (lows[c] as number) ^ (lows[d] as number);
    high = (highs[a] as number) ^ (highs[b] as number) ^ (highs[c] as number) ^ (highs[d] as number);
  }
  for (; at < bytes.length; at++) {
    const index = (low ^ (bytes[at] as number)) & 255;
    low = ((low >>> 8) | (high << 24)) ^ (lows[index] as number);
    high = (high >>> 8) ^ (highs[index] as number);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}
