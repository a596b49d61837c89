import { APIC_DIVIDE_MASK, APIC_LVT, APIC_REG, APIC_VECTOR_MASK } from "@pvh/abi";
import type { ApicState } from "./state.ts";
import { requestVector } from "./vectors.ts";

/**
 * The timer of one APIC (SDM volume 3, 11.5.4), with the rules of Xen where the manual has none. It has no clock of its
 * own: what it counts follows from when it was started. One shot and periodic; no TSC deadline.
 */

/** The bus clock that Xen gives its guests: 100 MHz. */
const BUS_CYCLE_NS = 10;
/** Xen lets no periodic timer interrupt more often. */
const SHORTEST_PERIOD_NS = 100_000;
const STOPPED = Number.POSITIVE_INFINITY;

/** Counts from now; a count of 0 stops the timer. */
export function setInitialCount(apics: ApicState, vcpu: number, count: number, now: number): void {
  expireTimer(apics, vcpu, now);
  apics.setRegister(vcpu, APIC_REG.TIMER_INITIAL_COUNT, count);
  apics.setTimer(vcpu, now, count === 0 ? STOPPED : now + period(apics, vcpu));
}

/** What is left of a running count is left after the change too. */
export function setDivide(apics: ApicState, vcpu: number, value: number, now: number): void {
  expireTimer(apics, vcpu, now);
  const cycles = sinceStart(apics, vcpu, now) / cycle(apics, vcpu);
  apics.setRegister(vcpu, APIC_REG.TIMER_DIVIDE, value & APIC_DIVIDE_MASK);
  startAgain(apics, vcpu, now - cycles * cycle(apics, vcpu));
}

/** A running count goes on in the new mode; a stopped timer stays stopped. */
export function setTimerLvt(apics: ApicState, vcpu: number, value: number, now: number): void {
  expireTimer(apics, vcpu, now);
  const start = now - sinceStart(apics, vcpu, now);
  apics.setRegister(vcpu, APIC_REG.LVT_TIMER, value);
  startAgain(apics, vcpu, start);
}

export function currentCount(apics: ApicState, vcpu: number, now: number): number {
  if (apics.timerExpiry(vcpu) === STOPPED) return 0;
  const initial = apics.register(vcpu, APIC_REG.TIMER_INITIAL_COUNT) >>> 0;
  const passed = Math.floor(Math.max(0, now - apics.timerStart(vcpu)) / cycle(apics, vcpu));
  if (periodic(apics, vcpu)) return initial - (passed % initial);
  return Math.max(0, initial - passed);
}

/** When the timer interrupts next; Infinity when it does not. */
export function timerDeadline(apics: ApicState, vcpu: number): number {
  return masked(apics, vcpu) ? STOPPED : apics.timerExpiry(vcpu);
}

/** Interrupts if the time has come: once, however many periods have passed. Afterwards the next expiry is after `now`. */
export function expireTimer(apics: ApicState, vcpu: number, now: number): void {
  if (apics.timerExpiry(vcpu) > now) return;
  if (periodic(apics, vcpu)) {
    const length = period(apics, vcpu);
    const start = now - sinceStart(apics, vcpu, now);
    apics.setTimer(vcpu, start, start + length * Math.max(1, Math.ceil(SHORTEST_PERIOD_NS / length)));
  } else {
    apics.setTimer(vcpu, 0, STOPPED);
  }
  if (masked(apics, vcpu)) return;
  requestVector(apics, vcpu, apics.register(vcpu, APIC_REG.LVT_TIMER) & APIC_VECTOR_MASK, "edge");
}

/** ns since the current count began. */
function sinceStart(apics: ApicState, vcpu: number, now: number): number {
  const passed = Math.max(0, now - apics.timerStart(vcpu));
  return periodic(apics, vcpu) ? passed % period(apics, vcpu) : passed;
}

function startAgain(apics: ApicState, vcpu: number, start: number): void {
  if (apics.timerExpiry(vcpu) === STOPPED) return;
  apics.setTimer(vcpu, start, start + period(apics, vcpu));
}

function period(apics: ApicState, vcpu: number): number {
  return (apics.register(vcpu, APIC_REG.TIMER_INITIAL_COUNT) >>> 0) * cycle(apics, vcpu);
}

/** ns for one step of the count. The divisor is 2 to 128 for 0 to 6, and 1 for 7. */
function cycle(apics: ApicState, vcpu: number): number {
  const value = apics.register(vcpu, APIC_REG.TIMER_DIVIDE);
  const exponent = ((value & 3) | ((value & 8) >> 1)) + 1;
  return BUS_CYCLE_NS << (exponent & 7);
}

function periodic(apics: ApicState, vcpu: number): boolean {
  return (apics.register(vcpu, APIC_REG.LVT_TIMER) & APIC_LVT.TIMER_PERIODIC) !== 0;
}

/** The timer counts when its interrupt is masked, but what it misses is lost. */
function masked(apics: ApicState, vcpu: number): boolean {
  return !apics.enabled(vcpu) || (apics.register(vcpu, APIC_REG.LVT_TIMER) & APIC_LVT.MASKED) !== 0;
}
