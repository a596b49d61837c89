/** What the main thread asks of a vCPU. */
export const REQUEST = { run: 0, pause: 1, stop: 2 } as const;
/** What a vCPU is doing. */
export const VCPU_STATE = { starting: 0, running: 1, paused: 2, ended: 3 } as const;

const WORD = { request: 0, state: 1, tid: 2, wake: 3, inGuest: 4 } as const;
const WORDS = 6;

/** What each vCPU counts for itself, by name (see `VmmStatus.counters`), with the index of the counter. */
export const COUNT = { io: 0, mmio: 1, hlt: 2, msr: 3, hypercall: 4, kick: 5, other: 6 } as const;
const COUNTERS = Object.keys(COUNT).length;

/** Hypercalls answered -ENOSYS are counted by number; the last slot takes numbers from 64 on. */
const REFUSED_SLOTS = 65;
const COUNTERS_OFFSET = WORDS * 4;

/**
 * The part of a vCPU that its worker and the main thread share. Counters are doubles with one writer, so that
 * counting needs no atomic operation.
 */
export class VcpuControl {
  static readonly size = COUNTERS_OFFSET + (COUNTERS + REFUSED_SLOTS) * 8;
  readonly #words: Int32Array;
  readonly counters: Float64Array;
  readonly #refused: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.counters = new Float64Array(buffer, COUNTERS_OFFSET, COUNTERS);
    this.#refused = new Float64Array(buffer, COUNTERS_OFFSET + COUNTERS * 8, REFUSED_SLOTS);
  }

  get request(): number {
    return Atomics.load(this.#words, WORD.request);
  }

  get state(): number {
    return Atomics.load(this.#words, WORD.state);
  }

  get tid(): number {
    return Atomics.load(this.#words, WORD.tid);
  }

  /** From the main thread; the caller kicks the vCPU afterwards. A stop is final. */
  ask(request: number): void {
    const before = this.request;
    if (before !== REQUEST.stop) Atomics.compareExchange(this.#words, WORD.request, before, request);
    this.wake();
  }

  /** Ends {@link sleep}, from any thread. */
  wake(): void {
    Atomics.add(this.#words, WORD.wake, 1);
    Atomics.notify(this.#words, WORD.wake);
  }

  /**
   * The worker is in KVM_RUN or about to be. It says so before it looks for what others have for it, so that whoever has
   * something and finds this false need not interrupt it.
   */
  get inGuest(): boolean {
    return Atomics.load(this.#words, WORD.inGuest) !== 0;
  }
  set inGuest(value: boolean) {
    Atomics.store(this.#words, WORD.inGuest, value ? 1 : 0);
  }

  /** How often the vCPU has been woken: read it before looking for work, and sleep on it when there was none. */
  get wakes(): number {
    return Atomics.load(this.#words, WORD.wake);
  }

  /** From the worker: blocks until woken after `seen` was read, at most `milliseconds`. */
  sleep(seen: number, milliseconds = Number.POSITIVE_INFINITY): void {
    Atomics.wait(this.#words, WORD.wake, seen, milliseconds);
  }

  /** From the worker. */
  enter(state: number, tid: number): void {
    Atomics.store(this.#words, WORD.tid, tid);
    Atomics.store(this.#words, WORD.state, state);
    Atomics.notify(this.#words, WORD.state);
  }

  /** From the main thread: resolves to true once the vCPU is in one of `states`, to false after the time is over. */
  async reached(states: readonly number[], milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const state = this.state;
      if (states.includes(state)) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      const waiting = Atomics.waitAsync(this.#words, WORD.state, state, left);
      if (waiting.async) await waiting.value;
    }
  }

  countRefused(hypercall: number): void {
    const slot = hypercall >= 0 && hypercall < REFUSED_SLOTS - 1 ? hypercall : REFUSED_SLOTS - 1;
    this.#refused[slot] = (this.#refused[slot] ?? 0) + 1;
  }

  /** How often each number was refused; only those that were. The number 64 stands for it and all above. */
  refused(): Map<number, number> {
    return new Map(
      [...this.#refused].map((count, nr): [number, number] => [nr, count]).filter(([, n]) => n > 0),
    );
  }
}
