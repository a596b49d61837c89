import type { PvhError } from "@pvh/errors";
import type { Output } from "./output.ts";
import type { FseTable } from "./zstd-fse.ts";

/** By symbol of a length code: the least value, and how many bits are added to it. */
interface LengthCode {
  bases: Int32Array;
  bits: Uint8Array;
}

/** RFC 8878, 3.1.1.3.2.1.1: sixteen symbols without bits, then these. */
export const literalLengths = lengthCode(
  0,
  16,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
/** Thirty-two symbols without bits, from 3 on, then these. */
export const matchLengths = lengthCode(
  3,
  32,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

export interface SequenceTables {
  literalLength: FseTable;
  offset: FseTable;
  matchLength: FseTable;
}

export interface Sequences {
  /** On the block with its margins. */
  view: DataView;
  /** The bit stream. */
  start: number;
  end: number;
  /** Of byte 0 of `view` in the payload. */
  offset: number;
  count: number;
  /** Present when `count` is not 0. */
  tables: SequenceTables | undefined;
  /** Latest first; updated. */
  recentOffsets: [number, number, number];
  literals: Uint8Array;
  output: Output;
  /** First byte of the output that matches may copy from. */
  frameStart: number;
  /** Most bytes that the block becomes. */
  sizeMax: number;
  error(field: string, at: number, found: string | number, allowed: string | number): PvhError;
}

/** Below this length a copying loop beats a call. */
const LONG_COPY = 64;

/** Decodes the sequences of a block and does what they say: copy literals, then a match; after the last one the rest. */
export function executeSequences(sequences: Sequences): void {
  const { view, start, end, count, tables, literals, output, frameStart, error } = sequences;
  output.makeRoom(sequences.sizeMax, sequences.offset + start);
  const bytes = output.bytes;
  const room = Math.min(bytes.length, output.length + sequences.sizeMax);
  let at = output.length;
  let literalAt = 0;

  if (tables !== undefined) {
    const last = start < end ? view.getUint8(end - 1) : 0;
    if (last === 0) throw error("sequence bits", end - 1, "no end mark", "a last byte that is not 0");
    const firstBit = start * 8;
    const literalStates = tables.literalLength.entries;
    const offsetStates = tables.offset.entries;
    const matchStates = tables.matchLength.entries;
    let [recent0, recent1, recent2] = sequences.recentOffsets;

    /** Bits from here on are taken: the stream is read from its end. */
    let bit = end * 8 - 1 - (Math.clz32(last) - 24);
    bit -= tables.literalLength.log;
    let literalState = (view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << tables.literalLength.log) - 1);
    bit -= tables.offset.log;
    let offsetState = (view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << tables.offset.log) - 1);
    bit -= tables.matchLength.log;
    let matchState = (view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << tables.matchLength.log) - 1);

    for (let left = count; left > 0; left--) {
      const literalEntry = literalStates[literalState] as number;
      const offsetEntry = offsetStates[offsetState] as number;
      const matchEntry = matchStates[matchState] as number;

      // An unaligned word has 25 bits for sure, so that larger numbers take two.
      let width = offsetEntry & 255;
      let offset = 1;
      if (width > 16) {
        width -= 16;
        bit -= 16;
        offset = (1 << 16) | ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & 0xffff);
      }
      bit -= width;
      offset = offset * (1 << width) + ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      width = matchLengths.bits[matchEntry & 255] as number;
      bit -= width;
      const matchLength =
        (matchLengths.bases[matchEntry & 255] as number) +
        ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      width = literalLengths.bits[literalEntry & 255] as number;
      bit -= width;
      const literalLength =
        (literalLengths.bases[literalEntry & 255] as number) +
        ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      if (left > 1) {
        width = (literalEntry >>> 8) & 255;
        bit -= width;
        literalState =
          (literalEntry >>> 16) + ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
        width = (matchEntry >>> 8) & 255;
        bit -= width;
        matchState =
          (matchEntry >>> 16) + ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
        width = (offsetEntry >>> 8) & 255;
        bit -= width;
        offsetState =
          (offsetEntry >>> 16) + ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      }
      if (bit < firstBit) throw error("sequence bits", start, "cut off", `${count} sequences`);

      // Values up to 3 mean recent offsets; without literals before the match, the latest one makes no sense.
      if (offset > 3) {
        offset -= 3;
        recent2 = recent1;
        recent1 = recent0;
        recent0 = offset;
      } else {
        if (literalLength === 0) offset++;
        if (offset === 1) {
          offset = recent0;
        } else if (offset === 2) {
          offset = recent1;
          recent1 = recent0;
          recent0 = offset;
        } else {
          offset = offset === 3 ? recent2 : recent0 - 1;
          recent2 = recent1;
          recent1 = recent0;
          recent0 = offset;
        }
      }

      if (literalLength > literals.length - literalAt) {
        throw error("literal length", start, literalLength, `up to ${literals.length - literalAt}`);
      }
      const matchAt = at + literalLength;
      const stop = matchAt + matchLength;
      if (stop > room) throw beyond(stop);
      if (literalLength > LONG_COPY) {
        bytes.set(literals.subarray(literalAt, literalAt + literalLength), at);
        literalAt += literalLength;
        at = matchAt;
      } else {
        while (at < matchAt) bytes[at++] = literals[literalAt++] as number;
      }
      if (offset < 1 || offset > at - frameStart) {
        throw error("offset", start, offset, `1 to ${at - frameStart}`);
      }
      let source = at - offset;
      if (matchLength > LONG_COPY && offset >= matchLength) {
        bytes.copyWithin(at, source, source + matchLength);
        at = stop;
      } else {
        while (at < stop) bytes[at++] = bytes[source++] as number;
      }
    }
    if (bit !== firstBit)
      throw error("sequence bits", start, `${bit - firstBit} bits too many`, "no bit left");
    sequences.recentOffsets.splice(0, 3, recent0, recent1, recent2);
  }

  const rest = literals.subarray(literalAt);
  if (at + rest.length > room) throw beyond(at + rest.length);
  bytes.set(rest, at);
  output.length = at + rest.length;

  function beyond(reached: number): Error {
    return reached - output.length > sequences.sizeMax
      ? error("block's decompressed size", start, reached - output.length, `up to ${sequences.sizeMax}`)
      : output.overflow(reached, sequences.offset + start);
  }
}

function lengthCode(first: number, plain: number, furtherBits: number[]): LengthCode {
  const bits = Uint8Array.from([...new Array<number>(plain).fill(0), ...furtherBits]);
  const bases = new Int32Array(bits.length);
  let base = first;
  bits.forEach((count, symbol) => {
    bases[symbol] = base;
    base += 1 << count;
  });
  return { bases, bits };
}
