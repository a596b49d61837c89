import { Mutex } from "../shared/mutex.ts";

/** HVM params have indexes 0 to 38 (HVM_NR_PARAMS of Xen 4.17). */
export const HVM_PARAMS = 39;
/** SCHEDOP_watchdog has two. */
export const WATCHDOGS = 2;
/** EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES is 128 for 2^17 ports; ports end far earlier here. */
export const FIFO_ARRAY_PAGES = 4;

const WORD = {
  lock: 0,
  shared32: 1,
  callbackVector: 2,
  fifo: 3,
  pollers: 4,
  totalPages: 5,
  maxPages: 6,
  grantFrames: 7,
  assists: 8,
  sharedInfoGfn: 9,
  clockVersion: 10,
  clockMultiplier: 11,
  clockShift: 12,
  clockTscLow: 13,
  clockTscHigh: 14,
  fifoPages: 15,
  fifoArray: 16,
  params: 16 + FIFO_ARRAY_PAGES,
} as const;
const WORDS = WORD.params + HVM_PARAMS * 2;

const REAL = {
  epoch: 0,
  clockTime: 1,
  clockDue: 2,
  clockMeasured: 3,
  wallSeconds: 4,
  wallNanoseconds: 5,
  watchdogs: 6,
} as const;
const REALS_OFFSET = Math.ceil((WORDS * 4) / 8) * 8;

/**
 * What all threads of the VMM share about a Xen domain as a whole. Reading needs no lock; what changes several things
 * at once holds {@link DomainState.lock}.
 */
export class DomainState {
  static readonly size = REALS_OFFSET + (REAL.watchdogs + WATCHDOGS) * 8;
  readonly lock: Mutex;
  readonly #words: Int32Array;
  readonly #reals: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#reals = new Float64Array(buffer, REALS_OFFSET);
    this.lock = new Mutex(this.#words, WORD.lock);
  }

  /** shared_info has the layout of 32-bit guests; see `latchSharedInfo`. */
  get shared32(): boolean {
    return this.#get(WORD.shared32) !== 0;
  }
  set shared32(value: boolean) {
    this.#set(WORD.shared32, value ? 1 : 0);
  }

  /** The vector of HVM_PARAM_CALLBACK_IRQ; 0 when there is none. */
  get callbackVector(): number {
    return this.#get(WORD.callbackVector);
  }
  set callbackVector(vector: number) {
    this.#set(WORD.callbackVector, vector);
  }

  /** Events are delivered by the FIFO ABI. */
  get fifo(): boolean {
    return this.#get(WORD.fifo) !== 0;
  }
  set fifo(value: boolean) {
    this.#set(WORD.fifo, value ? 1 : 0);
  }

  /** Frames of the FIFO event array, as far as the guest has given them. */
  get fifoPages(): number {
    return this.#get(WORD.fifoPages);
  }
  set fifoPages(count: number) {
    this.#set(WORD.fifoPages, count);
  }
  fifoArray(page: number): number {
    return this.#get(WORD.fifoArray + page) >>> 0;
  }
  setFifoArray(page: number, gfn: number): void {
    this.#set(WORD.fifoArray + page, gfn);
  }

  /** One bit for each vCPU that waits in SCHEDOP_poll. */
  get pollers(): number {
    return this.#get(WORD.pollers);
  }
  setPolling(vcpu: number, polling: boolean): void {
    if (polling) Atomics.or(this.#words, WORD.pollers, 1 << vcpu);
    else Atomics.and(this.#words, WORD.pollers, ~(1 << vcpu));
  }

  /** Pages that the domain has, and may have. */
  get totalPages(): number {
    return this.#get(WORD.totalPages) >>> 0;
  }
  set totalPages(pages: number) {
    this.#set(WORD.totalPages, pages);
  }
  get maxPages(): number {
    return this.#get(WORD.maxPages) >>> 0;
  }
  set maxPages(pages: number) {
    this.#set(WORD.maxPages, pages);
  }

  /** Frames that the grant table has grown to. */
  get grantFrames(): number {
    return this.#get(WORD.grantFrames);
  }
  set grantFrames(frames: number) {
    this.#set(WORD.grantFrames, frames);
  }

  /** VMASST_TYPE_* bits that the guest has enabled. */
  get assists(): number {
    return this.#get(WORD.assists);
  }
  set assists(bits: number) {
    this.#set(WORD.assists, bits);
  }

  /** Where the guest has shared_info; -1 while it is nowhere. */
  get sharedInfoGfn(): number {
    const gfn = this.#get(WORD.sharedInfoGfn);
    return gfn === 0 ? -1 : gfn - 1;
  }
  set sharedInfoGfn(gfn: number) {
    this.#set(WORD.sharedInfoGfn, gfn + 1);
  }

  paramLow(index: number): number {
    return this.#get(WORD.params + 2 * index);
  }
  paramHigh(index: number): number {
    return this.#get(WORD.params + 2 * index + 1);
  }
  setParam(index: number, low: number, high = 0): void {
    this.#set(WORD.params + 2 * index, low);
    this.#set(WORD.params + 2 * index + 1, high);
  }

  /** Changes with each calibration of the clock; see `DomainClock`. */
  get clockVersion(): number {
    return this.#get(WORD.clockVersion);
  }
  get clockMultiplier(): number {
    return this.#get(WORD.clockMultiplier) >>> 0;
  }
  get clockShift(): number {
    return this.#get(WORD.clockShift);
  }
  get clockTsc(): bigint {
    const high = BigInt(this.#get(WORD.clockTscHigh) >>> 0);
    return (high << 32n) | BigInt(this.#get(WORD.clockTscLow) >>> 0);
  }
  get clockTime(): number {
    return this.#real(REAL.clockTime);
  }
  setClock(tsc: bigint, time: number, multiplier: number, shift: number): void {
    this.#set(WORD.clockTscLow, Number(BigInt.asIntN(32, tsc)));
    this.#set(WORD.clockTscHigh, Number(BigInt.asIntN(32, tsc >> 32n)));
    this.#setReal(REAL.clockTime, time);
    this.#set(WORD.clockMultiplier, multiplier);
    this.#set(WORD.clockShift, shift);
    Atomics.add(this.#words, WORD.clockVersion, 1);
  }

  /** CLOCK_MONOTONIC_RAW at the domain's time 0, ns. */
  get epoch(): number {
    return this.#real(REAL.epoch);
  }
  set epoch(time: number) {
    this.#setReal(REAL.epoch, time);
  }

  /** When the clock is to be calibrated next. */
  get clockDue(): number {
    return this.#real(REAL.clockDue);
  }
  set clockDue(time: number) {
    this.#setReal(REAL.clockDue, time);
  }

  /** Domain time by the host's clock at the last calibration. */
  get clockMeasured(): number {
    return this.#real(REAL.clockMeasured);
  }
  set clockMeasured(time: number) {
    this.#setReal(REAL.clockMeasured, time);
  }

  /** Real time at the domain's time 0. */
  get wallSeconds(): number {
    return this.#real(REAL.wallSeconds);
  }
  get wallNanoseconds(): number {
    return this.#real(REAL.wallNanoseconds);
  }
  setWallClock(seconds: number, nanoseconds: number): void {
    this.#setReal(REAL.wallSeconds, seconds);
    this.#setReal(REAL.wallNanoseconds, nanoseconds);
  }

  /** Domain time at which the watchdog expires; 0 when it is not set. */
  watchdog(index: number): number {
    return this.#real(REAL.watchdogs + index);
  }
  setWatchdog(index: number, deadline: number): void {
    this.#setReal(REAL.watchdogs + index, deadline);
  }

  #get(word: number): number {
    return Atomics.load(this.#words, word);
  }
  #set(word: number, value: number): void {
    Atomics.store(this.#words, word, value);
  }
  #real(index: number): number {
    return this.#reals[index] ?? 0;
  }
  #setReal(index: number, value: number): void {
    this.#reals[index] = value;
  }
}
