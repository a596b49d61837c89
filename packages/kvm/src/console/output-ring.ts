import type { Doorbell } from "../shared/doorbell.ts";
import { Mutex } from "../shared/mutex.ts";

const WORD = { head: 0, tail: 1, lock: 2, drained: 3 } as const;
const HEADER = 16;
const CAPACITY = 1 << 16;

/**
 * Console output on its way from the vCPU workers to the main thread. When the guest writes faster than the main
 * thread takes, the writing vCPU waits: output is never lost and never piles up.
 */
export class OutputRing {
  static readonly size = HEADER + CAPACITY;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mutex: Mutex;
  readonly #doorbell: Doorbell;

  constructor(buffer: SharedArrayBuffer, doorbell: Doorbell) {
    this.#words = new Int32Array(buffer, 0, HEADER / 4);
    this.#bytes = new Uint8Array(buffer, HEADER, CAPACITY);
    this.#mutex = new Mutex(this.#words, WORD.lock);
    this.#doorbell = doorbell;
  }

  /** From a worker. Gives up, dropping the rest, once `stopped` says so. */
  write(bytes: Uint8Array, length: number, stopped: () => boolean): void {
    this.#mutex.lock();
    let done = 0;
    while (done < length) {
      const drained = Atomics.load(this.#words, WORD.drained);
      const head = Atomics.load(this.#words, WORD.head);
      const room = CAPACITY - ((head - Atomics.load(this.#words, WORD.tail)) | 0);
      const count = Math.min(room, length - done);
      for (let i = 0; i < count; i++) this.#bytes[(head + i) & (CAPACITY - 1)] = bytes[done + i] ?? 0;
      Atomics.store(this.#words, WORD.head, (head + count) | 0);
      done += count;
      this.#doorbell.ring();
      if (done === length || stopped()) break;
      // The timeout is for a stop request: the main thread may be past draining.
      Atomics.wait(this.#words, WORD.drained, drained, 50);
    }
    this.#mutex.unlock();
  }

  /** From the main thread: a copy of all that is there, or undefined when nothing is. */
  drain(): Uint8Array | undefined {
    const tail = Atomics.load(this.#words, WORD.tail);
    const length = (Atomics.load(this.#words, WORD.head) - tail) | 0;
    if (length === 0) return undefined;
    const start = tail & (CAPACITY - 1);
    const first = Math.min(length, CAPACITY - start);
    const out = new Uint8Array(length);
    out.set(this.#bytes.subarray(start, start + first));
    out.set(this.#bytes.subarray(0, length - first), first);
    Atomics.store(this.#words, WORD.tail, (tail + length) | 0);
    Atomics.add(this.#words, WORD.drained, 1);
    Atomics.notify(this.#words, WORD.drained);
    return out;
  }
}
