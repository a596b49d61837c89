const FREE = 0;
const HELD = 1;
const CONTENDED = 2;

/** A lock in shared memory between the VMM's threads: one word, sleeping when it is held. */
export class Mutex {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  lock(): void {
    if (Atomics.compareExchange(this.#words, this.#at, FREE, HELD) === FREE) return;
    while (Atomics.exchange(this.#words, this.#at, CONTENDED) !== FREE) {
      Atomics.wait(this.#words, this.#at, CONTENDED);
    }
  }

  unlock(): void {
    if (Atomics.exchange(this.#words, this.#at, FREE) === CONTENDED) Atomics.notify(this.#words, this.#at, 1);
  }
}
