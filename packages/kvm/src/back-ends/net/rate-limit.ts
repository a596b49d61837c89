/** What a guest may send: `bytes` in each `microseconds`. */
export interface Rate {
  bytes: number;
  microseconds: number;
}

/** The largest packet must pass some time, however low the rate is. */
const LEAST_BURST = 131_072;

/** Credit that is renewed at each interval, as xen-netback counts it. Times in milliseconds of one steady clock. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  #credit: number;
  #renewal: number;

  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#credit = rate.bytes;
    this.#renewal = now() + rate.microseconds / 1000;
  }

  /** 0 when a packet of `size` bytes may go now, which is then counted; else milliseconds to wait before asking again. */
  take(size: number): number {
    const now = this.#now();
    if (now >= this.#renewal) {
      // Credit accumulates over a busy interval so that a packet larger than an interval's share passes at last.
      this.#credit = Math.min(this.#credit + this.#rate.bytes, Math.max(LEAST_BURST, this.#rate.bytes));
      this.#renewal = now + this.#rate.microseconds / 1000;
    }
    if (size > this.#credit) return this.#renewal - now;
    this.#credit -= size;
    return 0;
  }
}
