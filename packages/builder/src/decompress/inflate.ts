import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";
import {
  type Alphabet,
  decodingTable,
  distanceAlphabet,
  END_OF_BLOCK,
  fixedTables,
  type InflateTables,
  lengthCodeAlphabet,
  literalAlphabet,
  SUBTABLE,
} from "./inflate-tables.ts";
import type { Output } from "./output.ts";

/** Longest match: how much room is wanted beyond the data. */
export const MATCH_MAX = 258;
/** Below this length a copying loop beats the call of `copyWithin`. */
const LONG_COPY = 64;
/** Room asked for at once, so that growing is rare. */
const ROOM = 1 << 16;
/** Order in which the code lengths of the code length code stand in the stream (RFC 1951, 3.2.7). */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Decodes one deflate stream (RFC 1951) into `output`. @returns offset of the byte after it */
export function inflate(input: Uint8Array, start: number, output: Output): number {
  return new Inflater(input, start, output).run();
}

/** `#hold` has `#count` unread bits, the next one lowest. */
class Inflater {
  readonly #input: Uint8Array;
  readonly #output: Output;
  /** First byte of this stream's data in the output: matches stay behind it. */
  readonly #outputStart: number;
  #at: number;
  #hold = 0;
  #count = 0;

  constructor(input: Uint8Array, start: number, output: Output) {
    this.#input = input;
    this.#output = output;
    this.#outputStart = output.length;
    this.#at = start;
  }

  run(): number {
    for (let last = 0; last === 0; ) {
      last = this.#bits(1, "block header");
      const type = this.#bits(2, "block type");
      if (type === 0) this.#stored();
      else if (type === 1) this.#codes(fixedTables());
      else if (type === 2) this.#codes(this.#dynamicTables());
      else throw this.#error("block type", type, "0, 1 or 2");
    }
    this.#giveBack();
    if (this.#at > this.#input.length) throw this.#error("data", "cut off", "an end-of-block symbol");
    return this.#at;
  }

  #stored(): void {
    this.#giveBack();
    const size = this.#bits(16, "stored block size");
    const inverted = this.#bits(16, "stored block inverted size");
    if ((size ^ 0xffff) !== inverted) {
      throw this.#error("stored block inverted size", inverted, size ^ 0xffff);
    }
    this.#giveBack();
    const from = this.#at;
    const bytes = this.#input.subarray(from, from + size);
    if (bytes.length < size) throw this.#error("stored block", `cut off after ${bytes.length} bytes`, size);
    this.#output.reserve(size, from);
    this.#output.bytes.set(bytes, this.#output.length);
    this.#output.length += size;
    this.#at += size;
  }

  #dynamicTables(): InflateTables {
    const literals = this.#bits(5, "literal code count") + 257;
    const distances = this.#bits(5, "distance code count") + 1;
    const count = this.#bits(4, "length code count") + 4;
    if (literals > 286) throw this.#error("literal code count", literals, "up to 286");
    if (distances > 30) throw this.#error("distance code count", distances, "up to 30");
    const lengthLengths = new Uint8Array(19);
    for (const index of LENGTH_ORDER.slice(0, count))
      lengthLengths[index] = this.#bits(3, "code length code");
    const lengthCode = this.#table("code length code", lengthLengths, lengthCodeAlphabet);

    const lengths = new Uint8Array(literals + distances);
    for (let i = 0; i < lengths.length; ) {
      this.#fill(7);
      const entry = lengthCode[this.#hold & 127] as number;
      if (entry === 0) throw this.#error("code length", "no code", "a code of the table");
      this.#drop(entry & 15, "code length");
      const symbol = entry >>> 8;
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw this.#error("code length", "a repetition of nothing", "a length");
      const value = symbol === 16 ? (lengths[i - 1] as number) : 0;
      const repeat =
        symbol === 18
          ? this.#bits(7, "code length") + 11
          : this.#bits(symbol === 16 ? 2 : 3, "code length") + 3;
      if (i + repeat > lengths.length) {
        throw this.#error("code length", `${i + repeat} lengths`, lengths.length);
      }
      lengths.fill(value, i, i + repeat);
      i += repeat;
    }
    if (lengths[256] === 0) throw this.#error("literal code", "no end-of-block symbol", "one");
    return {
      literals: this.#table("literal code", lengths.subarray(0, literals), literalAlphabet),
      distances: this.#table("distance code", lengths.subarray(literals), distanceAlphabet),
    };
  }

  #table(field: string, lengths: Uint8Array, alphabet: Alphabet): Int32Array {
    const table = decodingTable(lengths, alphabet);
    if (table === undefined) throw this.#error(field, "no prefix code", "code lengths that use up all codes");
    return table;
  }

  /** The symbols of one block, up to its end. The hot loop: everything in locals. */
  #codes({ literals, distances }: InflateTables): void {
    const input = this.#input;
    const output = this.#output;
    const outputStart = this.#outputStart;
    const literalBits = literalAlphabet.indexBits;
    const distanceBits = distanceAlphabet.indexBits;
    let from = this.#at;
    let hold = this.#hold;
    let count = this.#count;
    let bytes = output.bytes;
    let at = output.length;
    // Up to here every symbol has room. When the output may not grow any more, each one checks it.
    let safe = bytes.length - MATCH_MAX;

    for (;;) {
      if (at > safe) {
        output.length = at;
        output.makeRoom(ROOM, from);
        bytes = output.bytes;
        safe = output.cannotGrow ? bytes.length : bytes.length - MATCH_MAX;
      }
      if (from > input.length + 4)
        throw this.#error("data", "cut off", "an end-of-block symbol", from - (count >>> 3));
      while (count <= 24) {
        hold |= (input[from++] as number) << count;
        count += 8;
      }
      let entry = literals[hold & ((1 << literalBits) - 1)] as number;
      if (entry & SUBTABLE) {
        const index = (hold >>> literalBits) & ((1 << (entry & 15)) - 1);
        entry = literals[((entry & ~SUBTABLE) >>> 8) + index] as number;
      }
      if (entry === 0)
        throw this.#error("literal code", "unused", "a code of the block's table", from - (count >>> 3));
      hold >>>= entry & 15;
      count -= entry & 15;
      const value = entry >>> 8;
      if (value < END_OF_BLOCK) {
        if (at >= bytes.length) throw this.#overflow(at + 1, from - (count >>> 3));
        bytes[at++] = value;
        continue;
      }
      if (value === END_OF_BLOCK) break;

      // What is left of 25 bits after a code of 15 suffices for the 5 extra ones of a length.
      let extra = (entry >>> 4) & 15;
      const length = value - END_OF_BLOCK + (hold & ((1 << extra) - 1));
      hold >>>= extra;
      count -= extra;
      while (count <= 24) {
        hold |= (input[from++] as number) << count;
        count += 8;
      }
      entry = distances[hold & ((1 << distanceBits) - 1)] as number;
      if (entry & SUBTABLE) {
        const index = (hold >>> distanceBits) & ((1 << (entry & 15)) - 1);
        entry = distances[((entry & ~SUBTABLE) >>> 8) + index] as number;
      }
      if (entry === 0)
        throw this.#error("distance code", "unused", "a code of the block's table", from - (count >>> 3));
      hold >>>= entry & 15;
      count -= entry & 15;
      extra = (entry >>> 4) & 15;
      while (count < extra) {
        hold |= (input[from++] as number) << count;
        count += 8;
      }
      const distance = (entry >>> 8) + (hold & ((1 << extra) - 1));
      hold >>>= extra;
      count -= extra;

      if (distance > at - outputStart) {
        throw this.#error("match distance", distance, `up to ${at - outputStart}`, from - (count >>> 3));
      }
      const end = at + length;
      if (end > bytes.length) throw this.#overflow(end, from - (count >>> 3));
      let source = at - distance;
      if (length > LONG_COPY && distance >= length) {
        bytes.copyWithin(at, source, source + length);
        at = end;
      } else {
        do bytes[at++] = bytes[source++] as number;
        while (at < end);
      }
    }
    this.#at = from;
    this.#hold = hold;
    this.#count = count;
    output.length = at;
  }

  #bits(count: number, field: string): number {
    this.#fill(count);
    const value = this.#hold & ((1 << count) - 1);
    this.#drop(count, field);
    return value;
  }

  /** Has `count` bits at hand; beyond the input they are zeros, which `#drop` notices. */
  #fill(count: number): void {
    while (this.#count < count) {
      this.#hold |= (this.#input[this.#at++] ?? 0) << this.#count;
      this.#count += 8;
    }
  }

  #drop(count: number, field: string): void {
    this.#hold >>>= count;
    this.#count -= count;
    if (this.#at - (this.#count >>> 3) > this.#input.length)
      throw this.#error(field, "cut off", `${count} bits`);
  }

  /** Goes back to the first whole byte that was not used. */
  #giveBack(): void {
    this.#at -= this.#count >>> 3;
    this.#hold = 0;
    this.#count = 0;
  }

  #overflow(reached: number, at: number): Error {
    return at > this.#input.length
      ? this.#error("data", "cut off", "an end-of-block symbol", at)
      : this.#output.overflow(reached, at);
  }

  #error(
    field: string,
    found: string | number,
    allowed: string | number,
    at = this.#at - (this.#count >>> 3),
  ): PvhError {
    const offset = Math.min(at, this.#input.length);
    return damaged(this.#output.format, `deflate ${field}`, offset, found, allowed);
  }
}
