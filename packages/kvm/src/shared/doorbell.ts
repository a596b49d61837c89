const RUNG = 0;
const LISTENING = 1;

/**
 * Tells the main thread that there is work for it. Ringing is cheap while the main thread is busy anyway: only a
 * sleeping listener is woken.
 */
export class Doorbell {
  static readonly size = 8;
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer, offset = 0) {
    this.#words = new Int32Array(buffer, offset, Doorbell.size / 4);
  }

  /** From any thread, after the work is visible in shared memory. */
  ring(): void {
    Atomics.add(this.#words, RUNG, 1);
    if (Atomics.exchange(this.#words, LISTENING, 0) === 1) Atomics.notify(this.#words, RUNG);
  }

  /** Runs `work` after every ring, on the event loop of the calling thread, until `signal` is aborted. */
  async listen(work: () => void, signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.ring());
    while (!signal.aborted) {
      const seen = Atomics.load(this.#words, RUNG);
      work();
      Atomics.store(this.#words, LISTENING, 1);
      const waiting = Atomics.waitAsync(this.#words, RUNG, seen);
      if (waiting.async) await waiting.value;
      // Rung meanwhile: other work of the event loop still gets its turn between two rounds.
      else await new Promise(setImmediate);
    }
  }
}
