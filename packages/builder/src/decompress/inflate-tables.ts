/**
 * Look-up tables of deflate's prefix codes. An entry is indexed by the next bits of the stream and packs, from bit 0:
 * 4 bits length of the code, 4 bits number of extra bits, then the value. 0 means that no code begins so.
 *
 * Codes longer than the table's index lead to a second table: the entry has `SUBTABLE`, its value is where that
 * begins, and the lowest 4 bits say how many further bits index it.
 */
export const SUBTABLE = 1 << 30;

/** What the symbols of a code mean, and with how many bits its table is indexed first. */
export interface Alphabet {
  indexBits: number;
  /** By symbol: value and extra bits, packed as in an entry; symbols beyond have no meaning. */
  meanings: Int32Array;
}

/** The end-of-block symbol's value in `literalAlphabet`; literals are below it, `256 + length` above it. */
export const END_OF_BLOCK = 256;

export const lengthCodeAlphabet: Alphabet = { indexBits: 7, meanings: pack(count(19), []) };
export const literalAlphabet: Alphabet = {
  indexBits: 10,
  meanings: pack(
    [...count(257), ...bases(3, lengthExtraBits().slice(0, 28)), 258].map((base, i) =>
      i > 256 ? base + 256 : base,
    ),
    [...count(257).map(() => 0), ...lengthExtraBits()],
  ),
};
export const distanceAlphabet: Alphabet = {
  indexBits: 9,
  meanings: pack(bases(1, distanceExtraBits()), distanceExtraBits()),
};

export interface InflateTables {
  literals: Int32Array;
  distances: Int32Array;
}

let fixed: InflateTables | undefined;

/** The tables of block type 1 (RFC 1951, 3.2.6). */
export function fixedTables(): InflateTables {
  const lengths = Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
  fixed ??= {
    literals: decodingTable(lengths, literalAlphabet) ?? new Int32Array(),
    distances: decodingTable(new Uint8Array(32).fill(5), distanceAlphabet) ?? new Int32Array(),
  };
  return fixed;
}

/**
 * The table for a canonical code with these code lengths by symbol.
 *
 * @returns undefined when they make no prefix code: too many codes, or too few, except for the one code or none that
 * a block without matches may have
 */
export function decodingTable(lengths: Uint8Array, alphabet: Alphabet): Int32Array | undefined {
  const perLength = new Int32Array(16);
  for (const length of lengths) perLength[length] = (perLength[length] as number) + 1;
  const codes = lengths.length - (perLength[0] as number);
  let longest = 15;
  while (longest > 0 && perLength[longest] === 0) longest--;

  const nextCode = new Int32Array(16);
  let code = 0;
  for (let length = 1; length <= longest; length++) {
    nextCode[length] = code;
    code += perLength[length] as number;
    code <<= 1;
  }
  // Too many codes of a length can not be made up for by longer ones.
  if (code !== 2 << longest && codes > 1) return undefined;

  const { indexBits, meanings } = alphabet;
  // Each second table has at most 2^(longest - indexBits) entries; there are no more of them than long codes.
  const subBits = Math.max(longest - indexBits, 0);
  const table = new Int32Array((1 << indexBits) + (1 << subBits) * longPrefixes(perLength, indexBits));
  let used = 1 << indexBits;
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number;
    if (length === 0) continue;
    const reversed = reverse(nextCode[length] as number, length);
    nextCode[length] = (nextCode[length] as number) + 1;
    const meaning = meanings[symbol];
    const entry = meaning === undefined ? 0 : meaning | length;
    if (length <= indexBits) {
      for (let i = reversed; i < 1 << indexBits; i += 1 << length) table[i] = entry;
      continue;
    }
    const prefix = reversed & ((1 << indexBits) - 1);
    if (table[prefix] === 0) {
      table[prefix] = SUBTABLE | (used << 8) | subBits;
      used += 1 << subBits;
    }
    const begin = ((table[prefix] as number) & ~SUBTABLE) >>> 8;
    for (let i = reversed >>> indexBits; i < 1 << subBits; i += 1 << (length - indexBits)) {
      table[begin + i] = entry;
    }
  }
  return table;
}

/** How many different first `indexBits` bits the longer codes have, or a little more. */
function longPrefixes(perLength: Int32Array, indexBits: number): number {
  let share = 0;
  for (let length = indexBits + 1; length < 16; length++) {
    share += (perLength[length] as number) * 2 ** (indexBits - length);
  }
  return Math.ceil(share) + 1;
}

function reverse(code: number, length: number): number {
  let reversed = 0;
  for (let i = 0; i < length; i++) reversed |= ((code >>> i) & 1) << (length - 1 - i);
  return reversed;
}

function pack(values: number[], extraBits: number[]): Int32Array {
  return Int32Array.from(values, (value, i) => (value << 8) | ((extraBits[i] ?? 0) << 4));
}

function count(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** First value of each symbol, when symbol i covers `2 ** extraBits[i]` values. */
function bases(first: number, extraBits: number[]): number[] {
  let base = first;
  return extraBits.map((bits) => {
    const own = base;
    base += 1 << bits;
    return own;
  });
}

/** By length symbol from 257: eight without, then fours with 1, 2... 5; the last, 258 alone, without. */
function lengthExtraBits(): number[] {
  return [...count(28).map((i) => Math.max((i >>> 2) - 1, 0)), 0];
}

/** By distance symbol: four without, then pairs with 1, 2... 13. */
function distanceExtraBits(): number[] {
  return count(30).map((i) => Math.max((i >>> 1) - 1, 0));
}
