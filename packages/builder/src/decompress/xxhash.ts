/**
 * xxHash (specification: github.com/Cyan4973/xxHash, doc/xxhash_spec.md): XXH32 guards LZ4 frames, XXH64 zstd frames.
 * Seeds are always 0 there.
 */

const P32_1 = 0x9e3779b1 | 0;
const P32_2 = 0x85ebca77 | 0;
const P32_3 = 0xc2b2ae3d | 0;
const P32_4 = 0x27d4eb2f;
const P32_5 = 0x165667b1;

/** @returns unsigned */
export function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P32_5;
  if (bytes.length >= 16) {
    let a = (P32_1 + P32_2) | 0;
    let b = P32_2;
    let c = 0;
    let d = -P32_1 | 0;
    for (const end = bytes.length - 15; at < end; at += 16) {
      a = round32(a, view.getInt32(at, true));
      b = round32(b, view.getInt32(at + 4, true));
      c = round32(c, view.getInt32(at + 8, true));
      d = round32(d, view.getInt32(at + 12, true));
    }
    hash = (rotate32(a, 1) + rotate32(b, 7) + rotate32(c, 12) + rotate32(d, 18)) | 0;
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotate32((hash + Math.imul(view.getInt32(at, true), P32_3)) | 0, 17), P32_4);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotate32((hash + Math.imul(bytes[at] as number, P32_5)) | 0, 11), P32_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P32_2);
  hash = Math.imul(hash ^ (hash >>> 13), P32_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const MASK = (1n << 64n) - 1n;
const P64_1 = 0x9e3779b185ebca87n;
const P64_2 = 0xc2b2ae3d27d4eb4fn;
const P64_3 = 0x165667b19e3779f9n;
const P64_4 = 0x85ebca77c2b2ae63n;
const P64_5 = 0x27d4eb2f165667c5n;

/** @returns unsigned 64 bits */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P64_5;
  if (bytes.length >= 32) {
    const lanes = new Int32Array(8);
    [P64_1 + P64_2, P64_2, 0n, -P64_1].forEach((value, i) => {
      lanes[2 * i] = Number(BigInt.asIntN(32, value));
      lanes[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n));
    });
    at = stripes(view, lanes);
    const [a, b, c, d] = [0, 2, 4, 6].map(
      (i) => (BigInt((lanes[i + 1] as number) >>> 0) << 32n) | BigInt((lanes[i] as number) >>> 0),
    ) as [bigint, bigint, bigint, bigint];
    hash = (rotate64(a, 1n) + rotate64(b, 7n) + rotate64(c, 12n) + rotate64(d, 18n)) & MASK;
    for (const lane of [a, b, c, d]) hash = ((hash ^ round64(0n, lane)) * P64_1 + P64_4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate64(hash ^ round64(0n, view.getBigUint64(at, true)), 27n) * P64_1 + P64_4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    const word = (BigInt(view.getUint32(at, true)) * P64_1) & MASK;
    hash = (rotate64(hash ^ word, 23n) * P64_2 + P64_3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    hash = (rotate64(hash ^ ((BigInt(bytes[at] as number) * P64_5) & MASK), 11n) * P64_1) & MASK;
  }
  hash = ((hash ^ (hash >> 33n)) * P64_2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P64_3) & MASK;
  return hash ^ (hash >> 32n);
}

/** All whole 32-byte stripes, in 32-bit halves: BigInt is too slow for megabytes. @returns bytes taken */
function stripes(view: DataView, lanes: Int32Array): number {
  let at = 0;
  for (const end = view.byteLength - 31; at < end; at += 32) {
    for (let i = 0; i < 8; i += 2) {
      const inLow = view.getInt32(at + 4 * i, true);
      const inHigh = view.getInt32(at + 4 * i + 4, true);
      // lane += input * P64_2
      const productLow = Math.imul(inLow, 0x27d4eb4f);
      const productHigh =
        (mulHigh(inLow, 0x27d4, 0xeb4f) + Math.imul(inLow, 0xc2b2ae3d) + Math.imul(inHigh, 0x27d4eb4f)) | 0;
      const sumLow = ((lanes[i] as number) + productLow) | 0;
      const carry = sumLow >>> 0 < productLow >>> 0 ? 1 : 0;
      const sumHigh = ((lanes[i + 1] as number) + productHigh + carry) | 0;
      // lane = rotate(lane, 31) * P64_1
      const low = (sumLow << 31) | (sumHigh >>> 1);
      const high = (sumHigh << 31) | (sumLow >>> 1);
      lanes[i] = Math.imul(low, 0x85ebca87);
      lanes[i + 1] = mulHigh(low, 0x85eb, 0xca87) + Math.imul(low, 0x9e3779b1) + Math.imul(high, 0x85ebca87);
    }
  }
  return at;
}

/** Upper 32 bits of the unsigned product of `a` and `bHigh << 16 | bLow`. */
function mulHigh(a: number, bHigh: number, bLow: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const crossA = Math.imul(aHigh, bLow) >>> 0;
  const crossB = Math.imul(aLow, bHigh) >>> 0;
  const middle = (Math.imul(aLow, bLow) >>> 16) + (crossA & 0xffff) + (crossB & 0xffff);
  return (Math.imul(aHigh, bHigh) + (crossA >>> 16) + (crossB >>> 16) + (middle >>> 16)) | 0;
}

function round32(lane: number, input: number): number {
  return Math.imul(rotate32((lane + Math.imul(input, P32_2)) | 0, 13), P32_1);
}

function rotate32(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function round64(lane: bigint, input: bigint): bigint {
  return (rotate64((lane + input * P64_2) & MASK, 31n) * P64_1) & MASK;
}

function rotate64(value: bigint, by: bigint): bigint {
  return ((value << by) & MASK) | (value >> (64n - by));
}
