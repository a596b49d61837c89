import type { Hypercall } from "./hypercalls.ts";

/**
 * A buffer for the structure that an argument of a hypercall points to. Each handler has its own, made once for each
 * thread, so that a call allocates nothing.
 */
export class Argument {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  /** Room for structures of up to `size` bytes. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Reads what argument `index` points to. False for -EFAULT. */
  load(call: Hypercall, index: number, length = this.bytes.length): boolean {
    return call.memory.copyIn(call.high[index] ?? 0, call.low[index] ?? 0, this.bytes, length);
  }

  store(call: Hypercall, index: number, length = this.bytes.length): boolean {
    return call.memory.copyOut(call.high[index] ?? 0, call.low[index] ?? 0, this.bytes, length);
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  /** Exact below 2^53; what is above is no frame, count or time of a guest anyway, and stays far too large. */
  u64(at: number): number {
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** Fractions are cut off. */
  setU64(at: number, value: number): void {
    this.view.setUint32(at, value % 2 ** 32, true);
    this.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}

/** The address of element `index` in an array at `high:low`, as halves of 32 bits. */
export const element = { high: 0, low: 0 };

export function elementAt(high: number, low: number, offset: number): void {
  const sum = (low >>> 0) + offset;
  element.low = (sum % 2 ** 32) | 0;
  element.high = (high + Math.floor(sum / 2 ** 32)) | 0;
}
