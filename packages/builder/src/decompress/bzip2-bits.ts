import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";

/** Reads bits, the highest of each byte first. Beyond the input there are zeros; taking them is an error. */
export class BitReader {
  readonly #input: Uint8Array;
  #at = 0;
  /** The lowest `#count` bits are still to be read. */
  #hold = 0;
  #count = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  /** Of the byte that has the next bit. */
  get offset(): number {
    return this.#at - (this.#count >>> 3);
  }

  /** The next `count` bits, up to 24, without taking them. */
  peek(count: number): number {
    while (this.#count < count) {
      this.#hold = (this.#hold << 8) | (this.#input[this.#at++] ?? 0);
      this.#count += 8;
    }
    return (this.#hold >>> (this.#count - count)) & ((1 << count) - 1);
  }

  drop(count: number, field: string): void {
    this.#count -= count;
    if (this.offset > this.#input.length) {
      throw this.error(field, this.#input.length, "cut off, the payload ends", `${count} more bits`);
    }
  }

  /** Takes up to 24 bits. */
  bits(count: number, field: string): number {
    const value = this.peek(count);
    this.drop(count, field);
    return value;
  }

  alignToByte(): void {
    this.#count &= ~7;
  }

  error(field: string, at: number, found: string | number, allowed: string | number): PvhError {
    return damaged("bzip2", field, at, found, allowed);
  }
}
