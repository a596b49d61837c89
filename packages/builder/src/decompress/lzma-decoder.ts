/**
 * The LZMA core (format: LZMA specification by Igor Pavlov, lzma-specification.txt), shared by xz and lzma-alone.
 *
 * A range decoder step is written out wherever a bit is decoded: this is the hot loop of every boot, and a shared
 * function for it costs a factor of three. `range` and `code` are unsigned 32-bit values held as signed ones.
 */

// Where each group of probabilities begins in the one array. Groups indexed by state have 12 states, of 16 position
// states where both count.
const IS_MATCH = 0;
const IS_REP = IS_MATCH + 12 * 16;
const IS_REP0 = IS_REP + 12;
const IS_REP1 = IS_REP0 + 12;
const IS_REP2 = IS_REP1 + 12;
const IS_REP0_LONG = IS_REP2 + 12;
const DISTANCE_SLOT = IS_REP0_LONG + 12 * 16;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
const REP_LENGTH = MATCH_LENGTH + 2 + 2 * 16 * 8 + 256;
const LITERAL = REP_LENGTH + 2 + 2 * 16 * 8 + 256;
const LITERAL_SIZE = 0x300;

/** Within a length group, after its two choice bits: trees of 8 per position state twice, then one of 256. */
const LENGTH_LOW = 2;
const LENGTH_MID = LENGTH_LOW + 16 * 8;
const LENGTH_HIGH = LENGTH_MID + 16 * 8;

/** Longest match. A caller that can grow its output stops this far before its end. */
export const MATCH_MAX = 273;

/** Below this length a copying loop beats the call of `copyWithin`. */
const LONG_COPY = 64;

export type LzmaStop =
  /** `stop` is reached. */
  | "full"
  /** The end marker came. */
  | "end-marker"
  /** More input is needed than there is. */
  | "input"
  /** `distance` reaches before the start of the dictionary. */
  | "distance"
  /** A match goes on after `hardStop`. */
  | "length";

export class LzmaDecoder {
  /** After `decode`: next input byte, next output byte, and what was wrong with the last match. */
  inputAt = 0;
  outputAt = 0;
  distance = 0;
  #probs = new Uint16Array(0);
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  #range = 0;
  #code = 0;
  #lc = 0;
  #lp = 0;
  #pb = 0;

  /** Sets literal context bits (0-8), literal position bits (0-4) and position bits (0-4). A `reset` must follow. */
  setProperties(lc: number, lp: number, pb: number): void {
    this.#lc = lc;
    this.#lp = lp;
    this.#pb = pb;
    const size = LITERAL + LITERAL_SIZE * 2 ** (lc + lp);
    if (this.#probs.length !== size) this.#probs = new Uint16Array(size);
  }

  reset(): void {
    this.#probs.fill(1024);
    this.#state = 0;
    this.#rep0 = 0;
    this.#rep1 = 0;
    this.#rep2 = 0;
    this.#rep3 = 0;
  }

  /** Takes the five bytes that begin range-coded data; the caller has checked that they are there and the first is 0. */
  startRange(input: Uint8Array, at: number): void {
    this.#range = -1;
    this.#code = 0;
    for (let i = 1; i < 5; i++) this.#code = (this.#code << 8) | (input[at + i] as number);
    this.inputAt = at + 5;
  }

  /** Whether the range decoder is where an encoder leaves it at its end. */
  get finished(): boolean {
    return this.#code === 0;
  }

  /**
   * Decodes from `inputAt` until `output` is filled to `stop` or beyond it by one match, but never beyond `hardStop`,
   * which is at most `output.length`.
   *
   * @param dictionaryStart first byte of `output` that matches may copy from; `start` is where to go on
   * @param dictionarySize farthest distance
   */
  decode(
    input: Uint8Array,
    inputEnd: number,
    output: Uint8Array,
    start: number,
    stop: number,
    hardStop: number,
    dictionaryStart: number,
    dictionarySize: number,
  ): LzmaStop {
    const probs = this.#probs;
    const lc = this.#lc;
    const literalMask = (1 << this.#lp) - 1;
    const positionMask = (1 << this.#pb) - 1;
    let state = this.#state;
    let rep0 = this.#rep0;
    let rep1 = this.#rep1;
    let rep2 = this.#rep2;
    let rep3 = this.#rep3;
    let range = this.#range;
    let code = this.#code;
    let from = this.inputAt;
    let at = start;
    let previous = at > dictionaryStart ? (output[at - 1] as number) : 0;
    let result: LzmaStop = "full";
    // Scratch of the range decoder step: index and value of the probability, and the split of the range.
    let i = 0;
    let p = 0;
    let bound = 0;

    while (at < stop) {
      if (from > inputEnd) {
        result = "input";
        break;
      }
      const position = at - dictionaryStart;
      const positionState = position & positionMask;

      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | (input[from++] as number);
      }
      i = IS_MATCH + (state << 4) + positionState;
      p = probs[i] as number;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[i] = p + ((2048 - p) >>> 5);
        const literal = LITERAL + LITERAL_SIZE * (((position & literalMask) << lc) + (previous >>> (8 - lc)));
        let symbol = 1;
        if (state >= 7) {
          // After a match the byte at rep0 is the context, until the first bit in which the literal differs.
          let matched = (output[at - rep0 - 1] as number) << 1;
          let offset = 0x100;
          do {
            const bit = matched & offset;
            matched <<= 1;
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | (input[from++] as number);
            }
            i = literal + offset + bit + symbol;
            p = probs[i] as number;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[i] = p + ((2048 - p) >>> 5);
              symbol <<= 1;
              offset ^= bit;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[i] = p - (p >>> 5);
              symbol = (symbol << 1) | 1;
              offset = bit;
            }
          } while (symbol < 0x100);
          state = state < 10 ? state - 3 : state - 6;
        } else {
          do {
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | (input[from++] as number);
            }
            i = literal + symbol;
            p = probs[i] as number;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[i] = p + ((2048 - p) >>> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[i] = p - (p >>> 5);
              symbol = (symbol << 1) | 1;
            }
          } while (symbol < 0x100);
          state = state < 4 ? 0 : state - 3;
        }
        previous = symbol & 255;
        output[at++] = previous;
        continue;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[i] = p - (p >>> 5);
      }

      let lengths = MATCH_LENGTH;
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | (input[from++] as number);
      }
      i = IS_REP + state;
      p = probs[i] as number;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[i] = p + ((2048 - p) >>> 5);
        rep3 = rep2;
        rep2 = rep1;
        rep1 = rep0;
        state = state < 7 ? 7 : 10;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[i] = p - (p >>> 5);
        lengths = REP_LENGTH;
        if (position === 0) {
          this.distance = rep0 + 1;
          result = "distance";
          break;
        }
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | (input[from++] as number);
        }
        i = IS_REP0 + state;
        p = probs[i] as number;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[i] = p + ((2048 - p) >>> 5);
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | (input[from++] as number);
          }
          i = IS_REP0_LONG + (state << 4) + positionState;
          p = probs[i] as number;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[i] = p + ((2048 - p) >>> 5);
            state = state < 7 ? 9 : 11;
            previous = output[at - rep0 - 1] as number;
            output[at++] = previous;
            continue;
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[i] = p - (p >>> 5);
          }
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[i] = p - (p >>> 5);
          let distance = rep1;
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | (input[from++] as number);
          }
          i = IS_REP1 + state;
          p = probs[i] as number;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[i] = p + ((2048 - p) >>> 5);
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[i] = p - (p >>> 5);
            distance = rep2;
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | (input[from++] as number);
            }
            i = IS_REP2 + state;
            p = probs[i] as number;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[i] = p + ((2048 - p) >>> 5);
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[i] = p - (p >>> 5);
              distance = rep3;
              rep3 = rep2;
            }
            rep2 = rep1;
          }
          rep1 = rep0;
          rep0 = distance;
        }
        state = state < 7 ? 8 : 11;
      }

      // The length: a tree of 8, another of 8, or one of 256.
      let tree = lengths + LENGTH_LOW + (positionState << 3);
      let size = 8;
      let length = 2;
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | (input[from++] as number);
      }
      i = lengths;
      p = probs[i] as number;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[i] = p + ((2048 - p) >>> 5);
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[i] = p - (p >>> 5);
        tree = lengths + LENGTH_MID + (positionState << 3);
        length = 10;
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | (input[from++] as number);
        }
        i = lengths + 1;
        p = probs[i] as number;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[i] = p + ((2048 - p) >>> 5);
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[i] = p - (p >>> 5);
          tree = lengths + LENGTH_HIGH;
          size = 256;
          length = 18;
        }
      }
      let symbol = 1;
      do {
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | (input[from++] as number);
        }
        i = tree + symbol;
        p = probs[i] as number;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[i] = p + ((2048 - p) >>> 5);
          symbol <<= 1;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[i] = p - (p >>> 5);
          symbol = (symbol << 1) | 1;
        }
      } while (symbol < size);
      length += symbol - size;

      if (lengths === MATCH_LENGTH) {
        tree = DISTANCE_SLOT + ((length < 6 ? length - 2 : 3) << 6);
        symbol = 1;
        do {
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | (input[from++] as number);
          }
          i = tree + symbol;
          p = probs[i] as number;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[i] = p + ((2048 - p) >>> 5);
            symbol <<= 1;
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[i] = p - (p >>> 5);
            symbol = (symbol << 1) | 1;
          }
        } while (symbol < 64);
        const slot = symbol - 64;
        if (slot < 4) {
          rep0 = slot;
        } else {
          let bits = (slot >>> 1) - 1;
          rep0 = (2 | (slot & 1)) << bits;
          tree = DISTANCE_SPECIAL + rep0 - slot;
          if (slot >= 14) {
            // Bits above the lowest four have equal odds.
            let middle = 0;
            for (bits -= 4; bits > 0; bits--) {
              if (range >>> 24 === 0) {
                range <<= 8;
                code = (code << 8) | (input[from++] as number);
              }
              range >>>= 1;
              code = (code - range) | 0;
              const borrow = code >> 31;
              code = (code + (range & borrow)) | 0;
              middle = (middle << 1) + borrow + 1;
            }
            rep0 = (rep0 + (middle << 4)) | 0;
            tree = DISTANCE_ALIGN;
            bits = 4;
          }
          symbol = 1;
          for (let bit = 0; bit < bits; bit++) {
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | (input[from++] as number);
            }
            i = tree + symbol;
            p = probs[i] as number;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[i] = p + ((2048 - p) >>> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[i] = p - (p >>> 5);
              symbol = (symbol << 1) | 1;
              rep0 = (rep0 + (1 << bit)) | 0;
            }
          }
          if (rep0 === -1) {
            result = "end-marker";
            break;
          }
        }
        if (rep0 >>> 0 >= position || rep0 >>> 0 >= dictionarySize) {
          this.distance = (rep0 >>> 0) + 1;
          result = "distance";
          break;
        }
      }

      const end = at + length;
      if (end > hardStop) {
        result = "length";
        break;
      }
      let source = at - rep0 - 1;
      if (length > LONG_COPY && source + length <= at) {
        output.copyWithin(at, source, source + length);
        at = end;
      } else {
        do output[at++] = output[source++] as number;
        while (at < end);
      }
      previous = output[at - 1] as number;
    }

    if (range >>> 24 === 0) {
      range <<= 8;
      code = (code << 8) | (input[from++] as number);
    }
    this.#state = state;
    this.#rep0 = rep0;
    this.#rep1 = rep1;
    this.#rep2 = rep2;
    this.#rep3 = rep3;
    this.#range = range;
    this.#code = code;
    this.inputAt = from;
    this.outputAt = at;
    return result;
  }
}
