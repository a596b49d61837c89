import { vcpuGuestContext } from "@pvh/abi";

/** VIRQ numbers that exist per domain (NR_VIRQS). */
export const VIRQS = 24;
/** Priorities of the FIFO ABI (EVTCHN_FIFO_MAX_QUEUES). */
export const FIFO_QUEUES = 16;

/** What a vCPU is doing for the world outside (public/vcpu.h). */
export const RUNSTATE = { running: 0, runnable: 1, blocked: 2, offline: 3 } as const;

/** How the context in {@link VcpuState.bringUp} is to be read. */
export const BRING_UP = { none: 0, guestContext: 1, hvmContext: 2, startup: 3, init: 4 } as const;

const WORD = {
  initialised: 0,
  online: 1,
  upcallVector: 2,
  /** Frame of the vcpu_info that the guest registered, plus 1. */
  infoFrame: 3,
  infoOffset: 4,
  infoVersion: 5,
  nmi: 6,
  flushTlb: 7,
  bringUpKind: 8,
  startupVector: 9,
  fifoFrame: 10,
  fifoOffset: 11,
  runstateArea: 12,
  timeArea: 15,
  runstate: 18,
  pollTimeout: 19,
  virqs: 20,
  fifoTails: 20 + VIRQS,
} as const;
const WORDS = WORD.fifoTails + FIFO_QUEUES;

const REAL = { singleShot: 0, period: 1, nextPeriod: 2, stateEntry: 3, times: 4 } as const;
const REALS = REAL.times + 4;
const REALS_OFFSET = Math.ceil((WORDS * 4) / 8) * 8;
const BRING_UP_OFFSET = REALS_OFFSET + REALS * 8;

/** A place in the guest's virtual memory that the hypervisor keeps up to date. `wide` is the 64-bit layout. */
export interface GuestArea {
  low: number;
  high: number;
  wide: boolean;
}

const AREA = { none: 0, narrow: 1, wide: 2 } as const;

/** What all threads share about one vCPU of a Xen domain. */
export class VcpuState {
  static readonly size = BRING_UP_OFFSET + vcpuGuestContext.size;
  /** The context given to VCPUOP_initialise, until the vCPU has loaded it. */
  readonly bringUp: Uint8Array;
  readonly #words: Int32Array;
  readonly #reals: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#reals = new Float64Array(buffer, REALS_OFFSET, REALS);
    this.bringUp = new Uint8Array(buffer, BRING_UP_OFFSET);
  }

  /** Has a context, so that it can go online. */
  get initialised(): boolean {
    return this.#get(WORD.initialised) !== 0;
  }
  set initialised(value: boolean) {
    this.#set(WORD.initialised, value ? 1 : 0);
  }

  get online(): boolean {
    return this.#get(WORD.online) !== 0;
  }
  set online(value: boolean) {
    this.#set(WORD.online, value ? 1 : 0);
  }

  /** What the vCPU's own thread has to load before it enters the guest; taken once. */
  takeBringUp(): number {
    return Atomics.exchange(this.#words, WORD.bringUpKind, BRING_UP.none);
  }
  get bringUpPending(): boolean {
    return this.#get(WORD.bringUpKind) !== BRING_UP.none;
  }
  setBringUp(kind: number): void {
    this.#set(WORD.bringUpKind, kind);
  }
  get startupVector(): number {
    return this.#get(WORD.startupVector);
  }
  set startupVector(vector: number) {
    this.#set(WORD.startupVector, vector);
  }

  /** INIT: the vCPU stops where it is, and waits for a start-up IPI. */
  requestInit(): void {
    if (!this.initialised) return;
    this.setBringUp(BRING_UP.init);
    this.online = false;
  }
  /** A start-up IPI counts for a vCPU that is down. */
  requestStartup(vector: number): void {
    if (this.online) return;
    this.startupVector = vector;
    this.setBringUp(BRING_UP.startup);
    this.initialised = true;
    this.online = true;
  }

  /** The vector of HVMOP_set_evtchn_upcall_vector; 0 when events come by the domain's callback. */
  get upcallVector(): number {
    return this.#get(WORD.upcallVector);
  }
  set upcallVector(vector: number) {
    this.#set(WORD.upcallVector, vector);
  }

  /** Frame of the registered vcpu_info; -1 while it is the one in shared_info. */
  get infoFrame(): number {
    const frame = this.#get(WORD.infoFrame) >>> 0;
    return frame - 1;
  }
  get infoOffset(): number {
    return this.#get(WORD.infoOffset);
  }
  /** Changes whenever the place of vcpu_info does. */
  get infoVersion(): number {
    return this.#get(WORD.infoVersion);
  }
  setInfo(frame: number, offset: number): void {
    this.#set(WORD.infoOffset, offset);
    this.#set(WORD.infoFrame, frame + 1);
    Atomics.add(this.#words, WORD.infoVersion, 1);
  }
  infoMoved(): void {
    Atomics.add(this.#words, WORD.infoVersion, 1);
  }

  raiseNmi(): void {
    this.#set(WORD.nmi, 1);
  }
  takeNmi(): boolean {
    return this.#get(WORD.nmi) !== 0 && Atomics.exchange(this.#words, WORD.nmi, 0) !== 0;
  }
  get nmi(): boolean {
    return this.#get(WORD.nmi) !== 0;
  }

  get flushTlb(): boolean {
    return this.#get(WORD.flushTlb) !== 0;
  }
  set flushTlb(value: boolean) {
    this.#set(WORD.flushTlb, value ? 1 : 0);
  }

  /** The FIFO ABI's control block: its frame, or -1, and the offset there. */
  get fifoFrame(): number {
    return (this.#get(WORD.fifoFrame) >>> 0) - 1;
  }
  get fifoOffset(): number {
    return this.#get(WORD.fifoOffset);
  }
  setFifoControl(frame: number, offset: number): void {
    this.#set(WORD.fifoOffset, offset);
    this.#set(WORD.fifoFrame, frame + 1);
  }
  fifoTail(queue: number): number {
    return this.#get(WORD.fifoTails + queue);
  }
  setFifoTail(queue: number, port: number): void {
    this.#set(WORD.fifoTails + queue, port);
  }

  /** The port that a per-vCPU VIRQ is bound to; 0 for none. */
  virqPort(virq: number): number {
    return this.#get(WORD.virqs + virq);
  }
  setVirqPort(virq: number, port: number): void {
    this.#set(WORD.virqs + virq, port);
  }

  /** Domain time in ns at which the single-shot timer goes off; 0 when it is not set. */
  get singleShot(): number {
    return this.#real(REAL.singleShot);
  }
  set singleShot(deadline: number) {
    this.#setReal(REAL.singleShot, deadline);
  }
  /** ns; 0 when the periodic timer is stopped. */
  get period(): number {
    return this.#real(REAL.period);
  }
  get nextPeriod(): number {
    return this.#real(REAL.nextPeriod);
  }
  setPeriod(period: number, next: number): void {
    this.#setReal(REAL.nextPeriod, next);
    this.#setReal(REAL.period, period);
  }

  get runstate(): number {
    return this.#get(WORD.runstate);
  }
  get stateEntry(): number {
    return this.#real(REAL.stateEntry);
  }
  /** ns spent in a state, without the current stay. */
  timeIn(state: number): number {
    return this.#real(REAL.times + state);
  }
  enterRunstate(state: number, now: number): void {
    const before = this.runstate;
    this.#setReal(REAL.times + before, this.timeIn(before) + Math.max(0, now - this.stateEntry));
    this.#setReal(REAL.stateEntry, now);
    this.#set(WORD.runstate, state);
  }

  /** Both areas are written by the vCPU's own thread, through its page tables. */
  runstateArea(into: GuestArea): boolean {
    return this.#area(WORD.runstateArea, into);
  }
  setRunstateArea(area: GuestArea | undefined): void {
    this.#setArea(WORD.runstateArea, area);
  }
  timeArea(into: GuestArea): boolean {
    return this.#area(WORD.timeArea, into);
  }
  setTimeArea(area: GuestArea | undefined): void {
    this.#setArea(WORD.timeArea, area);
  }

  #area(at: number, into: GuestArea): boolean {
    const kind = this.#get(at);
    if (kind === AREA.none) return false;
    into.low = this.#get(at + 1);
    into.high = this.#get(at + 2);
    into.wide = kind === AREA.wide;
    return true;
  }
  #setArea(at: number, area: GuestArea | undefined): void {
    this.#set(at, AREA.none);
    if (area === undefined) return;
    this.#set(at + 1, area.low);
    this.#set(at + 2, area.high);
    this.#set(at, area.wide ? AREA.wide : AREA.narrow);
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
