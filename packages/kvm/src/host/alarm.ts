import koffi from "koffi";
import { errno, KICK_SIGNAL, systemError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const timerCreate: (clock: number, event: Uint8Array, timer: Uint8Array) => number = libc.func(
  "int timer_create(int clock, const void *event, void *timer)",
);
const timerSettime: (timer: bigint, flags: number, value: Uint8Array, old: null) => number = libc.func(
  "int timer_settime(void *timer, int flags, const void *value, void *old)",
);

const CLOCK_MONOTONIC = 1;
const SIGEV_THREAD_ID = 4;

/** `struct sigevent`: value u64 @0, signal i32 @8, notification i32 @12, thread id i32 @16. */
const SIGEVENT_SIZE = 64;
/** `struct itimerspec`: interval and first expiry, each a timespec. */
const ITIMERSPEC_SIZE = 32;

/** While the alarm is set it goes off at least this often. */
const PERIOD_NS = 10_000_000;

/**
 * Makes a vCPU's thread leave the guest at a time: a timer of the kernel that sends the kick's signal to the thread.
 *
 * A signal that arrives between the last look and the entry into the guest is lost. Therefore the alarm repeats as
 * long as it is set, which also bounds how long an event stays unseen that a guest raises itself in shared memory.
 */
export class Alarm {
  readonly #timer: bigint;
  readonly #value = new Uint8Array(ITIMERSPEC_SIZE);
  readonly #words = new Int32Array(this.#value.buffer);
  #next = Number.POSITIVE_INFINITY;

  /** For the calling thread, whose id is `tid`. */
  constructor(tid: number) {
    const event = new Int32Array(SIGEVENT_SIZE / 4);
    event.set([KICK_SIGNAL, SIGEV_THREAD_ID, tid], 2);
    const timer = new Uint8Array(8);
    if (timerCreate(CLOCK_MONOTONIC, new Uint8Array(event.buffer), timer) < 0) {
      throw systemError("timer_create", errno());
    }
    this.#timer = new DataView(timer.buffer).getBigUint64(0, true);
  }

  /** Goes off at `deadline` or after a period, whichever is first; both times in ns by the same clock. */
  set(now: number, deadline: number): void {
    const next = Math.min(deadline, now + PERIOD_NS);
    // What is set goes off early enough, and the thread asks again then.
    if (this.#next <= next && this.#next > now) return;
    this.#next = next;
    this.#write(PERIOD_NS, Math.max(1, next - now));
  }

  clear(): void {
    if (this.#next === Number.POSITIVE_INFINITY) return;
    this.#next = Number.POSITIVE_INFINITY;
    this.#write(0, 0);
  }

  #write(interval: number, first: number): void {
    const seconds = Math.floor(first / 1e9);
    this.#words[2] = interval;
    this.#words[4] = seconds;
    this.#words[6] = first - seconds * 1e9;
    timerSettime(this.#timer, 0, this.#value, null);
  }
}
