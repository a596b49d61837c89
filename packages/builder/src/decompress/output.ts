import { type Bounds, damaged, tooLarge } from "./damage.ts";

/** First allocation when nothing tells how large the data will be. */
const FIRST_CAPACITY = 1 << 20;

/**
 * Where a decoder writes, and its dictionary. With a declared size it is allocated once; otherwise it grows by
 * doubling, so that old and new buffer together stay below 1.5 times the limit.
 *
 * Decoders write to `bytes` at `length` directly, after `reserve` or `makeRoom`, and advance `length` themselves.
 */
export class Output {
  readonly format: string;
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  readonly #declared: number | undefined;
  /** More than this many bytes is an error. */
  readonly #ceiling: number;

  /** @param hint what the payload itself says about the size: only a first allocation, never trusted */
  constructor(format: string, bounds: Bounds, hint = FIRST_CAPACITY) {
    this.format = format;
    this.#declared = bounds.size;
    if (bounds.size !== undefined && bounds.size > bounds.limit) {
      throw tooLarge(format, 0, bounds.size, bounds.limit);
    }
    this.#ceiling = bounds.size ?? bounds.limit;
    this.bytes = this.#allocate(bounds.size ?? Math.min(hint, bounds.limit), 0);
  }

  /** Whether no byte more may come. */
  get full(): boolean {
    return this.length >= this.#ceiling;
  }

  /** Whether `bytes` is as large as it may become. */
  get cannotGrow(): boolean {
    return this.bytes.length >= this.#ceiling;
  }

  /**
   * Makes sure that `count` more bytes fit: the payload says that they follow.
   *
   * @param slack room that the decoder asks for beyond what it will use
   */
  reserve(count: number, offset: number, slack = 0): void {
    if (this.length + count > this.#ceiling) throw this.overflow(this.length + count, offset);
    this.makeRoom(count + slack, offset);
  }

  /** Room for up to `count` more bytes; less when the ceiling comes before. The decoder checks `bytes.length`. */
  makeRoom(count: number, offset: number): void {
    const wanted = Math.min(this.length + count, this.#ceiling);
    if (wanted <= this.bytes.length) return;
    const grown = this.#allocate(Math.min(Math.max(wanted, this.bytes.length * 2), this.#ceiling), offset);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** The error for data that goes on after the ceiling. `reached` is the least size it has. */
  overflow(reached: number, offset: number): Error {
    return this.#declared === undefined
      ? tooLarge(this.format, offset, `at least ${reached}`, this.#ceiling)
      : damaged(this.format, "decompressed size", offset, `at least ${reached}`, `exactly ${this.#declared}`);
  }

  /** The decompressed data. `offset`: where the payload ended. */
  finish(offset: number): Uint8Array {
    if (this.#declared !== undefined && this.length !== this.#declared) {
      throw damaged(this.format, "decompressed size", offset, this.length, `exactly ${this.#declared}`);
    }
    return this.bytes.subarray(0, this.length);
  }

  #allocate(size: number, offset: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(size);
    } catch (cause) {
      throw damaged(this.format, "decompressed size", offset, size, "what the host can allocate", cause);
    }
  }
}
