import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";
import { readFseTable } from "./zstd-fse.ts";

const CODE_MAX = 11;

/** A decoding table for literals: indexed by the next `log` bits, an entry packs symbol (bits 0-7) and code length. */
export interface HuffmanTable {
  log: number;
  entries: Uint16Array;
}

/**
 * Reads a Huffman tree description (RFC 8878, 4.2.1) in `block`.
 *
 * @param offset of `block` in the payload, for errors
 * @returns the table, and where what follows it begins
 */
export function readHuffmanTable(
  block: Uint8Array,
  at: number,
  end: number,
  offset: number,
): { table: HuffmanTable; at: number } {
  const error = (found: string | number, allowed: string | number): PvhError =>
    damaged("zstd", "Huffman tree", offset + at, found, allowed);
  if (at >= end) throw error("cut off", "a header byte");
  const header = block[at] as number;
  const start = at + 1;
  // Either weights of 4 bits, or compressed ones whose size is the header.
  const size = header < 128 ? header : (header - 126) >>> 1;
  if (start + size > end) throw error(`${size} bytes`, `up to ${end - start}, to the end of the literals`);
  const weights =
    header < 128
      ? readCompressedWeights(block, start, start + size, offset)
      : Array.from(
          { length: header - 127 },
          (_, i) => ((block[start + (i >>> 1)] as number) >>> (i & 1 ? 0 : 4)) & 15,
        );

  // Weight w > 0 takes 2^(w - 1) of the codes of the longest length; the last symbol gets what is left.
  let sum = 0;
  for (const weight of weights) {
    if (weight > CODE_MAX + 1) throw error(`weight ${weight}`, `up to ${CODE_MAX + 1}`);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const log = 32 - Math.clz32(sum);
  if (sum === 0 || log > CODE_MAX) throw error(`codes of ${log} bits`, `1 to ${CODE_MAX}`);
  const left = (1 << log) - sum;
  if (left & (left - 1)) throw error(`${left} codes for the last symbol`, "a power of 2");
  weights.push(32 - Math.clz32(left));

  const entries = new Uint16Array(1 << log);
  let position = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (let symbol = 0; symbol < weights.length; symbol++) {
      if (weights[symbol] !== weight) continue;
      const next = position + (1 << (weight - 1));
      entries.fill(((log + 1 - weight) << 8) | symbol, position, next);
      position = next;
    }
  }
  return { table: { log, entries }, at: start + size };
}

/** Two interleaved FSE states, until the bits run out. */
function readCompressedWeights(block: Uint8Array, start: number, end: number, offset: number): number[] {
  const { table, at } = readFseTable(block, start, end, {
    field: "Huffman weight",
    logMax: 6,
    symbolMax: 255,
    offset,
  });
  const error = (found: string | number, allowed: string | number): PvhError =>
    damaged("zstd", "Huffman weights", offset + start, found, allowed);
  const last = block[end - 1] as number;
  if (at >= end || last === 0) throw error("no bits", "a last byte that is not 0");
  let bit = end * 8 - 1 - (Math.clz32(last) - 24);
  // Below the first bit there are zeros: the last states do not need what they take there.
  const take = (count: number): number => {
    bit -= count;
    let value = 0;
    for (let i = count - 1; i >= 0; i--) {
      const from = bit + i;
      value = (value << 1) | (from >= at * 8 ? ((block[from >>> 3] as number) >>> (from & 7)) & 1 : 0);
    }
    return value;
  };
  const states = [take(table.log), take(table.log)];
  if (bit < at * 8) throw error("cut off", "two states");
  const weights: number[] = [];
  for (let turn = 0; ; turn ^= 1) {
    const entry = table.entries[states[turn] as number] as number;
    weights.push(entry & 255);
    if (weights.length > 254) throw error("too many", "up to 255 with the one that follows from the others");
    states[turn] = (entry >>> 16) + take((entry >>> 8) & 255);
    if (bit < at * 8) {
      weights.push((table.entries[states[turn ^ 1] as number] as number) & 255);
      return weights;
    }
  }
}

/**
 * Decodes one backward bit stream of literals.
 *
 * @param view on the buffer with the block, readable for 8 bytes before and after the stream
 * @returns whether the stream held exactly so many
 */
export function decodeHuffmanStream(
  view: DataView,
  start: number,
  end: number,
  { log, entries }: HuffmanTable,
  literals: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (end <= start) return false;
  const last = view.getUint8(end - 1);
  if (last === 0) return false;
  const firstBit = start * 8;
  /** Bits from here on are taken. */
  let bit = end * 8 - 1 - (Math.clz32(last) - 24);
  let at = from;
  const shift = 32 - log;
  // Two codes of up to 11 bits fit into the 25 that an unaligned word always has.
  for (const pairs = to - 1; at < pairs; at += 2) {
    if (bit < firstBit) return false;
    const word = view.getUint32((bit - 25) >> 3, true) << (7 - ((bit - 25) & 7));
    let entry = entries[word >>> shift] as number;
    literals[at] = entry;
    const used = entry >>> 8;
    entry = entries[(word << used) >>> shift] as number;
    literals[at + 1] = entry;
    bit -= used + (entry >>> 8);
  }
  if (at < to) {
    if (bit < firstBit) return false;
    const word = view.getUint32((bit - 25) >> 3, true) << (7 - ((bit - 25) & 7));
    const entry = entries[word >>> shift] as number;
    literals[at] = entry;
    bit -= entry >>> 8;
  }
  return bit === firstBit;
}
