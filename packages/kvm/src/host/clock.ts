import koffi from "koffi";

const libc = koffi.load("libc.so.6");
const clockGettime: (clock: number, time: Uint8Array) => number = libc.func(
  "int clock_gettime(int clock, void *time)",
);

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC_RAW = 4;

/** `struct timespec` */
const timespec = new Uint8Array(16);
const words = new Int32Array(timespec.buffer);

/**
 * Nanoseconds of CLOCK_MONOTONIC_RAW, the clock by which KVM keeps a guest's TSC. A double holds them exactly for the first
 * 104 days after the host's start.
 */
export function monotonicTime(): number {
  return read(CLOCK_MONOTONIC_RAW);
}

/** Nanoseconds since 1970, to within a microsecond. */
export function realTime(): number {
  return read(CLOCK_REALTIME);
}

function read(clock: number): number {
  clockGettime(clock, timespec);
  return (words[0] ?? 0) * 1e9 + (words[2] ?? 0);
}
