import type { BitReader } from "./bzip2-bits.ts";

/** Each selector stands for this many symbols. */
const GROUP = 50;
const CODE_MAX = 20;
const RUN_B = 1;

interface Code {
  /** By length: the first code that is longer, with `CODE_MAX` bits. */
  limits: Int32Array;
  /** By length: what to add to a code of this length to get an index into `symbols`. */
  offsets: Int32Array;
  symbols: Uint16Array;
}

/**
 * Reads a block after its CRC: undoes the prefix codes, the second run-length coding and move-to-front.
 *
 * @param column gets the bytes; its length is the most that the stream's level allows
 * @returns bytes in the block, and the row of the sorted rotations that is the block
 */
export function readBlock(reader: BitReader, column: Uint32Array): { size: number; origin: number } {
  const start = reader.offset;
  if (reader.bits(1, "randomised flag"))
    throw reader.error("randomised flag", start, 1, "0 (obsolete since 0.9.5)");
  const origin = reader.bits(24, "origin pointer");
  const alphabet = readAlphabet(reader);
  const symbolCount = alphabet.length + 2;
  const codeCount = reader.bits(3, "code table count");
  if (codeCount < 2 || codeCount > 6) {
    throw reader.error("code table count", reader.offset, codeCount, "2 to 6");
  }
  const selectors = readSelectors(reader, codeCount);
  const codes = Array.from({ length: codeCount }, () => readCode(reader, symbolCount));
  const size = readSymbols(reader, column, alphabet, selectors, codes);
  if (origin >= size) throw reader.error("origin pointer", start, origin, `below ${size}, the block's size`);
  return { size, origin };
}

/** The bytes that occur: a bit for each sixteen, then for each of those that have any a bit for each byte. */
function readAlphabet(reader: BitReader): Uint8Array {
  const at = reader.offset;
  const bytes: number[] = [];
  const sixteens = reader.bits(16, "symbol map");
  for (let high = 0; high < 16; high++) {
    if (!((sixteens >>> (15 - high)) & 1)) continue;
    const map = reader.bits(16, "symbol map");
    for (let low = 0; low < 16; low++) if ((map >>> (15 - low)) & 1) bytes.push(16 * high + low);
  }
  if (bytes.length === 0) throw reader.error("symbol map", at, "empty", "at least one byte");
  return Uint8Array.from(bytes);
}

/** Which code each group uses: positions in a move-to-front list, in unary. */
function readSelectors(reader: BitReader, codeCount: number): Uint8Array {
  const at = reader.offset;
  const count = reader.bits(15, "selector count");
  if (count === 0) throw reader.error("selector count", at, 0, "1 or more");
  const recent = Array.from({ length: codeCount }, (_, i) => i);
  const selectors = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    let position = 0;
    while (reader.bits(1, "selector")) {
      position++;
      if (position >= codeCount)
        throw reader.error("selector", reader.offset, position, `below ${codeCount}`);
    }
    const [selector = 0] = recent.splice(position, 1);
    recent.unshift(selector);
    selectors[i] = selector;
  }
  return selectors;
}

/** Code lengths by symbol, each as a difference to the one before. */
function readCode(reader: BitReader, symbolCount: number): Code {
  const lengths = new Uint8Array(symbolCount);
  let length = reader.bits(5, "code length");
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > CODE_MAX) {
        throw reader.error("code length", reader.offset, length, `1 to ${CODE_MAX}`);
      }
      if (!reader.bits(1, "code length")) break;
      length += reader.bits(1, "code length") ? -1 : 1;
    }
    lengths[symbol] = length;
  }

  const limits = new Int32Array(CODE_MAX + 1);
  const offsets = new Int32Array(CODE_MAX + 1);
  const symbols = new Uint16Array(symbolCount);
  let code = 0;
  let used = 0;
  for (let size = 1; size <= CODE_MAX; size++) {
    offsets[size] = used - code;
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] !== size) continue;
      symbols[used++] = symbol;
      code++;
    }
    if (code > 1 << size)
      throw reader.error("code lengths", reader.offset, "too many codes", "a prefix code");
    limits[size] = code << (CODE_MAX - size);
    code <<= 1;
  }
  return { limits, offsets, symbols };
}

function readSymbols(
  reader: BitReader,
  column: Uint32Array,
  alphabet: Uint8Array,
  selectors: Uint8Array,
  codes: Code[],
): number {
  const recent = alphabet.slice();
  const endOfBlock = alphabet.length + 1;
  let size = 0;
  let run = 0;
  let runBit = 1;
  const put = (byte: number, count: number) => {
    if (size + count > column.length) {
      throw reader.error("block size", reader.offset, `at least ${size + count}`, `up to ${column.length}`);
    }
    column.fill(byte, size, size + count);
    size += count;
  };

  for (const selector of selectors) {
    const { limits, offsets, symbols } = codes[selector] as Code;
    for (let i = 0; i < GROUP; i++) {
      const bits = reader.peek(CODE_MAX);
      let length = 1;
      while (bits >= (limits[length] as number)) {
        if (++length > CODE_MAX)
          throw reader.error("symbol", reader.offset, "no code", "a code of the table");
      }
      reader.drop(length, "symbol");
      const symbol = symbols[(bits >>> (CODE_MAX - length)) + (offsets[length] as number)] as number;
      if (symbol <= RUN_B) {
        // A run's length in digits 1 and 2 of base 2, lowest first.
        run += runBit << symbol;
        runBit <<= 1;
        if (run > column.length)
          throw reader.error("run length", reader.offset, run, `up to ${column.length}`);
        continue;
      }
      if (run > 0) {
        put(recent[0] as number, run);
        run = 0;
        runBit = 1;
      }
      if (symbol === endOfBlock) return size;
      const byte = recent[symbol - 1] as number;
      recent.copyWithin(1, 0, symbol - 1);
      recent[0] = byte;
      if (size >= column.length) put(byte, 1);
      column[size++] = byte;
    }
  }
  throw reader.error("selectors", reader.offset, "used up", "one for each group up to the end of the block");
}
