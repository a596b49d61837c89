import { vcpuTimeInfo } from "@pvh/abi";
import { tscToNanoseconds } from "./cpuid.ts";
import type { DomainState } from "./domain-state.ts";
import type { SharedInfoLayout } from "./shared-info-layout.ts";
import type { Located } from "./vcpu-infos.ts";

const CALIBRATION_NS = 1e9;
/** A TSC and a time that were read further apart than this say nothing about each other. */
const APART_NS = 100_000;
const RETRY_NS = 20e6;
/** Above this the clock jumps to the right time instead of approaching it. */
const JUMP_NS = 10e6;

/** What the host's clocks said at one moment. */
export interface ClockStart {
  /** CLOCK_MONOTONIC_RAW, ns. */
  monotonic: number;
  /** ns since 1970. */
  real: number;
  /** The guest's TSC. */
  tsc: bigint;
  tscKhz: number;
  /** The guest's TSC is KVM's, see {@link DomainClock}. */
  kept: boolean;
}

/**
 * The domain's clock: nanoseconds since it began, by the host's CLOCK_MONOTONIC_RAW. The guest computes the same from its TSC
 * with the parameters in vcpu_info (pvclock).
 *
 * A host's TSC runs a little faster or slower than it is said to, so once a second the parameters are adjusted: time goes
 * on without a step, at the rate measured since the last time, a little more or less where the guest is behind or ahead.
 *
 * Where the host's TSC is not stable, KVM keeps the guest's itself: each time it enters the guest it sets the TSC to what
 * CLOCK_MONOTONIC_RAW says at the nominal frequency (`kept`). Then the parameters are right as they are, and the TSC cannot
 * be read outside the guest, where it stands still.
 */
export class DomainClock {
  readonly #state: DomainState;
  readonly #monotonic: () => number;
  readonly #shift: number;

  constructor(state: DomainState, tscKhz: number, monotonic: () => number) {
    this.#state = state;
    this.#monotonic = monotonic;
    this.#shift = tscToNanoseconds(tscKhz).shift;
  }

  static start(state: DomainState, { monotonic, real, tsc, tscKhz, kept }: ClockStart): void {
    const { multiplier, shift } = tscToNanoseconds(tscKhz);
    state.epoch = monotonic;
    state.setClock(tsc, 0, multiplier, shift);
    state.clockDue = kept ? Number.POSITIVE_INFINITY : CALIBRATION_NS;
    state.setWallClock(Math.floor(real / 1e9), Math.floor(real % 1e9));
  }

  /** Domain time in ns. */
  now(): number {
    return this.#monotonic() - this.#state.epoch;
  }

  /** Adjusts the parameters when it is time to; `readTsc` gives the guest's TSC now. */
  calibrate(now: number, readTsc: () => bigint): void {
    const state = this.#state;
    if (now < state.clockDue) return;
    state.lock.lock();
    try {
      if (now < state.clockDue) return;
      state.clockDue = now + CALIBRATION_NS;
      const before = this.now();
      const tsc = readTsc();
      const took = this.now() - before;
      // The thread was interrupted in between: the two do not belong together.
      if (took > APART_NS) {
        state.clockDue = now + RETRY_NS;
        return;
      }
      // The later of the two, so that the guest's clock is not behind and no timer goes off early.
      const time = before + took;
      const guest = this.guestTime(tsc);
      const behind = time - guest;
      const jump = behind > JUMP_NS;
      const correction = jump ? 0 : Math.max(-0.5, behind / CALIBRATION_NS);
      const multiplier = Math.round(this.#measured(tsc, time) * (1 + correction));
      state.setClock(tsc, jump ? time : guest, Math.min(2 ** 32 - 1, multiplier), this.#shift);
      state.clockMeasured = time;
    } finally {
      state.lock.unlock();
    }
  }

  /** The multiplier that would have been right since the last calibration. */
  #measured(tsc: bigint, time: number): number {
    const { clockTsc, clockMeasured, clockMultiplier } = this.#state;
    const ticks = Number(tsc - clockTsc);
    const measured = ((time - clockMeasured) / (ticks * 2 ** this.#shift)) * 2 ** 32;
    // A guest that has set its TSC makes nonsense of it, for itself.
    return measured > 0 && measured < 2 ** 32 ? measured : clockMultiplier;
  }

  /** What a guest computes from a TSC value, in ns. */
  guestTime(tsc: bigint): number {
    const { clockTsc, clockTime, clockMultiplier, clockShift } = this.#state;
    const delta = BigInt.asUintN(64, tsc - clockTsc);
    const shifted = clockShift >= 0 ? delta << BigInt(clockShift) : delta >> BigInt(-clockShift);
    return clockTime + Number((shifted * BigInt(clockMultiplier)) >> 32n);
  }

  /** Writes `vcpu_time_info` at byte `at`; its version is odd meanwhile. */
  writeTimeInfo({ data, words }: Pick<Located, "data" | "words">, at: number): void {
    const { fields } = vcpuTimeInfo;
    const state = this.#state;
    const version = at / 4;
    Atomics.store(words, version, (Atomics.load(words, version) + 1) | 1);
    const time = state.clockTime;
    data.setBigUint64(at + fields.tsc_timestamp.offset, state.clockTsc, true);
    data.setUint32(at + fields.system_time.offset, time % 2 ** 32, true);
    data.setUint32(at + fields.system_time.offset + 4, Math.floor(time / 2 ** 32), true);
    data.setUint32(at + fields.tsc_to_system_mul.offset, state.clockMultiplier, true);
    data.setInt8(at + fields.tsc_shift.offset, state.clockShift);
    Atomics.add(words, version, 1);
  }

  /** Writes the real time of domain time 0 into shared_info. */
  writeWallClock({ data, words, at }: Located, layout: SharedInfoLayout): void {
    const { wallSeconds, wallNanoseconds } = this.#state;
    const version = (at + layout.wallClock) / 4;
    Atomics.store(words, version, (Atomics.load(words, version) + 1) | 1);
    data.setUint32(at + layout.wallClock + 4, wallSeconds % 2 ** 32, true);
    data.setUint32(at + layout.wallClock + 8, wallNanoseconds, true);
    data.setUint32(at + layout.wallClockHigh, Math.floor(wallSeconds / 2 ** 32), true);
    Atomics.add(words, version, 1);
  }
}
