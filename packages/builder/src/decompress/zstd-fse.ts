import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";

/**
 * A decoding table of zstd's finite state entropy (RFC 8878, 4.1): indexed by the state, an entry packs the symbol in
 * bits 0-7, the number of bits for the next state in 8-15 and what to add to them in 16-31.
 */
export interface FseTable {
  /** The table has `2 ** log` entries. */
  log: number;
  entries: Uint32Array;
}

/** The table with this one symbol: its states take no bits. */
export function singleSymbolTable(symbol: number): FseTable {
  return { log: 0, entries: Uint32Array.of(symbol) };
}

/** @param odds by symbol: its share of `2 ** log` states; -1 is one state that takes `log` bits */
export function fseTable(odds: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  // States of each symbol get numbers in order of the table, from its share on.
  const numbers = new Uint16Array(odds.length);
  let high = size;
  for (let symbol = 0; symbol < odds.length; symbol++) {
    const share = odds[symbol] as number;
    if (share === -1) symbols[--high] = symbol;
    numbers[symbol] = Math.abs(share);
  }
  const step = (size >>> 1) + (size >>> 3) + 3;
  let position = 0;
  for (let symbol = 0; symbol < odds.length; symbol++) {
    for (let i = odds[symbol] as number; i > 0; i--) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  const entries = new Uint32Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number;
    const number = numbers[symbol] as number;
    numbers[symbol] = number + 1;
    const bits = log - (31 - Math.clz32(number));
    entries[state] = (((number << bits) - size) << 16) | (bits << 8) | symbol;
  }
  return { log, entries };
}

/**
 * Reads the odds that describe a table, from `at` to at most `end`.
 *
 * @param offset of `input` in the payload, for errors
 * @returns the table, and where what follows it begins
 */
export function readFseTable(
  input: Uint8Array,
  at: number,
  end: number,
  limits: { field: string; logMax: number; symbolMax: number; offset: number },
): { table: FseTable; at: number } {
  const error = (found: string | number, allowed: string | number): PvhError =>
    damaged("zstd", `${limits.field} table`, limits.offset + Math.min(bit >>> 3, end), found, allowed);
  let bit = at * 8;
  const bits = (count: number): number => {
    const byte = bit >>> 3;
    const word =
      (input[byte] as number) | ((input[byte + 1] as number) << 8) | ((input[byte + 2] as number) << 16);
    return (word >>> (bit & 7)) & ((1 << count) - 1);
  };

  const log = bits(4) + 5;
  bit += 4;
  if (log > limits.logMax) throw error(`accuracy log ${log}`, `up to ${limits.logMax}`);
  const odds: number[] = [];
  let left = 1 << log;
  while (left > 0) {
    if (bit > end * 8) throw error("cut off", "odds that sum up to the table's size");
    if (odds.length > limits.symbolMax) throw error("too many symbols", `up to ${limits.symbolMax + 1}`);
    // A number from 0 to left + 1: the small ones of them take a bit less.
    const width = 32 - Math.clz32(left + 1);
    const small = (1 << width) - 1 - (left + 1);
    let value = bits(width - 1);
    if (value < small) {
      bit += width - 1;
    } else {
      value = bits(width);
      bit += width;
      if (value >= 1 << (width - 1)) value -= small;
    }
    const share = value - 1;
    left -= Math.abs(share);
    odds.push(share);
    if (share !== 0) continue;
    // Two bits at a time tell how many more have none.
    for (let repeat = 3; repeat === 3; ) {
      if (bit > end * 8) throw error("cut off", "odds that sum up to the table's size");
      repeat = bits(2);
      bit += 2;
      for (let i = 0; i < repeat; i++) odds.push(0);
    }
  }
  if (odds.length > limits.symbolMax + 1)
    throw error(`${odds.length} symbols`, `up to ${limits.symbolMax + 1}`);
  const next = (bit + 7) >>> 3;
  if (next > end) throw error("cut off", "odds that sum up to the table's size");
  return { table: fseTable(odds, log), at: next };
}
