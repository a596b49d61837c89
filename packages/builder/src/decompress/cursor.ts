import type { PvhError } from "@pvh/errors";
import { damaged } from "./damage.ts";

/** Reads the fields of a container's headers; what is missing or wrong becomes an error that names the field. */
export class Cursor {
  readonly format: string;
  readonly bytes: Uint8Array;
  /** Offset in the payload of the next byte. */
  at: number;
  readonly #view: DataView;

  constructor(format: string, bytes: Uint8Array, at = 0) {
    this.format = format;
    this.bytes = bytes;
    this.at = at;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16(field: string, littleEndian: boolean): number {
    return this.#view.getUint16(this.#take(2, field), littleEndian);
  }

  u32(field: string, littleEndian: boolean): number {
    return this.#view.getUint32(this.#take(4, field), littleEndian);
  }

  /** A view of the next `count` bytes. */
  take(count: number, field: string): Uint8Array {
    const from = this.#take(count, field);
    return this.bytes.subarray(from, from + count);
  }

  skip(count: number, field: string): void {
    this.#take(count, field);
  }

  /** Whether the next bytes are these. Does not advance. */
  startsWith(magic: readonly number[]): boolean {
    return magic.every((byte, i) => this.bytes[this.at + i] === byte);
  }

  error(field: string, at: number, found: string | number, allowed: string | number): PvhError {
    return damaged(this.format, field, at, found, allowed);
  }

  #take(count: number, field: string): number {
    const from = this.at;
    if (count > this.bytes.length - from) {
      throw this.error(
        field,
        from,
        `cut off after ${this.bytes.length - from} bytes, where the payload ends`,
        `${count} bytes`,
      );
    }
    this.at = from + count;
    return from;
  }
}
