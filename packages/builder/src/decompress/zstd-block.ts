import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";
import type { Output } from "./output.ts";
import { type FseTable, fseTable, readFseTable, singleSymbolTable } from "./zstd-fse.ts";
import { decodeHuffmanStream, type HuffmanTable, readHuffmanTable } from "./zstd-huffman.ts";
import { executeSequences, literalLengths, matchLengths, type SequenceTables } from "./zstd-sequences.ts";

/** Most bytes that a block has or becomes. */
export const BLOCK_MAX = 128 << 10;
/** Zeros around a block, so that bits can be read a word at a time. */
export const MARGIN = 16;

/** The three codes of a sequence: which part they are, how large their tables may be, and their default odds. */
const KINDS = [
  {
    field: "literal length",
    logMax: 9,
    symbolMax: literalLengths.bases.length - 1,
    // biome-ignore format: a table of RFC 8878, 3.1.1.3.2.2.1
    standard: fseTable([
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
    ], 6),
  },
  {
    field: "offset",
    logMax: 8,
    symbolMax: 31,
    // biome-ignore format: a table of RFC 8878, 3.1.1.3.2.2.3
    standard: fseTable([
      1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ], 5),
  },
  {
    field: "match length",
    logMax: 9,
    symbolMax: matchLengths.bases.length - 1,
    // biome-ignore format: a table of RFC 8878, 3.1.1.3.2.2.2
    standard: fseTable([
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ], 6),
  },
] as const;

/** Decodes compressed blocks: each may use the tables and offsets of the ones before in its frame. */
export class BlockDecoder {
  /** Most bytes that a block of this frame has or becomes. */
  sizeMax = BLOCK_MAX;
  readonly #output: Output;
  #frameStart = 0;
  readonly #block = new Uint8Array(MARGIN + BLOCK_MAX + MARGIN);
  readonly #view = new DataView(this.#block.buffer);
  readonly #literals = new Uint8Array(BLOCK_MAX);
  #recentOffsets: [number, number, number] = [1, 4, 8];
  #huffman: HuffmanTable | undefined;
  #tables: (FseTable | undefined)[] = [undefined, undefined, undefined];
  /** Of byte 0 of `#block` in the payload. */
  #offset = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  startFrame(sizeMax: number): void {
    this.sizeMax = sizeMax;
    this.#frameStart = this.#output.length;
    this.#recentOffsets = [1, 4, 8];
    this.#huffman = undefined;
    this.#tables = [undefined, undefined, undefined];
  }

  /** @param offset of the block's data in the payload */
  decode(data: Uint8Array, offset: number): void {
    this.#block.set(data, MARGIN);
    const end = MARGIN + data.length;
    this.#block.fill(0, end, end + MARGIN);
    this.#offset = offset - MARGIN;

    const literals = this.#readLiterals(MARGIN, end);
    const sequences = this.#readSequenceHeader(literals.at, end);
    executeSequences({
      view: this.#view,
      start: sequences.at,
      end,
      count: sequences.count,
      tables: sequences.tables,
      recentOffsets: this.#recentOffsets,
      literals: this.#literals.subarray(0, literals.size),
      output: this.#output,
      offset: this.#offset,
      frameStart: this.#frameStart,
      sizeMax: this.sizeMax,
      error: (field, at, found, allowed) => this.#error(field, at, found, allowed),
    });
  }

  /** Fills `#literals`. @returns how many there are, and where what follows them begins */
  #readLiterals(start: number, end: number): { size: number; at: number } {
    const block = this.#block;
    this.#need(start, end, 1, "literals header");
    const first = block[start] as number;
    const type = first & 3;
    const format = (first >>> 2) & 3;
    // Raw and RLE literals have one size of 5, 12 or 20 bits; others two of 10, 14 or 18 bits.
    const isPlain = type < 2;
    const headerSize = isPlain ? ([1, 2, 1, 3][format] as number) : ([3, 3, 4, 5][format] as number);
    this.#need(start, end, headerSize, "literals header");
    const at = start + headerSize;
    let header = 0;
    for (let i = headerSize - 1; i >= 0; i--) header = header * 256 + (block[start + i] as number);
    if (isPlain) {
      const size = Math.floor(header / (format & 1 ? 16 : 8));
      this.#checkLiterals(size, start);
      const taken = type === 0 ? size : 1;
      this.#need(at, end, taken, "literals");
      if (type === 0) this.#literals.set(block.subarray(at, at + size));
      else this.#literals.fill(block[at] as number, 0, size);
      return { size, at: at + taken };
    }

    const bits = [10, 10, 14, 18][format] as number;
    const size = Math.floor(header / 16) % 2 ** bits;
    const packed = Math.floor(header / 2 ** (4 + bits));
    this.#checkLiterals(size, start);
    this.#need(at, end, packed, "compressed literals");
    this.#decompressLiterals(at, at + packed, size, type === 2, format === 0 ? 1 : 4);
    return { size, at: at + packed };
  }

  #decompressLiterals(start: number, end: number, size: number, hasTable: boolean, streams: 1 | 4): void {
    let at = start;
    if (hasTable) {
      const { table, at: next } = readHuffmanTable(this.#block, at, end, this.#offset);
      this.#huffman = table;
      at = next;
    }
    const huffman = this.#huffman;
    if (huffman === undefined)
      throw this.#error("literals type", start, "treeless", "a tree in the first block");

    const ends = [end];
    const sizes = [size];
    if (streams === 4) {
      this.#need(at, end, 6, "literal streams");
      const each = (size + 3) >>> 2;
      sizes.splice(0, 1, each, each, each, size - 3 * each);
      ends.pop();
      let next = at + 6;
      for (let i = 0; i < 3; i++) {
        next += this.#view.getUint16(at + 2 * i, true);
        ends.push(next);
      }
      ends.push(end);
      at += 6;
      if (size < 6 || next >= end)
        throw this.#error("literal streams", at - 6, "sizes beyond the literals", "within");
    }
    let from = 0;
    for (const [i, streamEnd] of ends.entries()) {
      const to = from + (sizes[i] as number);
      if (!decodeHuffmanStream(this.#view, at, streamEnd, huffman, this.#literals, from, to)) {
        throw this.#error("literal stream", at, `not exactly ${to - from} literals`, "as many as declared");
      }
      at = streamEnd;
      from = to;
    }
  }

  #readSequenceHeader(
    start: number,
    end: number,
  ): { count: number; tables: SequenceTables | undefined; at: number } {
    const block = this.#block;
    this.#need(start, end, 1, "sequence count");
    let at = start + 1;
    let count = block[start] as number;
    if (count === 255) {
      this.#need(at, end, 2, "sequence count");
      count = this.#view.getUint16(at, true) + 0x7f00;
      at += 2;
    } else if (count >= 128) {
      this.#need(at, end, 1, "sequence count");
      count = ((count - 128) << 8) | (block[at++] as number);
    }
    if (count === 0) {
      if (at !== end) throw this.#error("sequences", at, `${end - at} bytes`, "none, as the count is 0");
      return { count, tables: undefined, at };
    }

    this.#need(at, end, 1, "sequence modes");
    const modes = block[at++] as number;
    if (modes & 3) throw this.#error("sequence modes", at - 1, modes, "no reserved bit (3)");
    const tables = KINDS.map((kind, i) => {
      const mode = (modes >>> (6 - 2 * i)) & 3;
      if (mode === 0) return kind.standard;
      if (mode === 1) {
        this.#need(at, end, 1, `${kind.field} symbol`);
        const symbol = block[at++] as number;
        if (symbol > kind.symbolMax) {
          throw this.#error(`${kind.field} symbol`, at - 1, symbol, `up to ${kind.symbolMax}`);
        }
        return singleSymbolTable(symbol);
      }
      if (mode === 2) {
        const { table, at: next } = readFseTable(block, at, end, { ...kind, offset: this.#offset });
        at = next;
        return table;
      }
      const table = this.#tables[i];
      if (table === undefined)
        throw this.#error(`${kind.field} mode`, at, "repeat", "a table in the first block");
      return table;
    }) as [FseTable, FseTable, FseTable];
    this.#tables = tables;
    const [literalLength, offset, matchLength] = tables;
    return { count, tables: { literalLength, offset, matchLength }, at };
  }

  #checkLiterals(size: number, at: number): void {
    if (size > this.sizeMax) throw this.#error("literals size", at, size, `up to ${this.sizeMax}`);
  }

  #need(at: number, end: number, count: number, field: string): void {
    if (count > end - at) throw this.#error(field, at, `cut off after ${end - at} bytes`, `${count} bytes`);
  }

  #error(field: string, at: number, found: string | number, allowed: string | number): PvhError {
    return damaged("zstd", field, this.#offset + at, found, allowed);
  }
}
