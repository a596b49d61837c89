import { APIC_DEFAULT_BASE, APIC_REG, MSR, X2APIC_MSR_FIRST, X2APIC_MSR_LAST } from "@pvh/abi";
import { writeApicBase } from "./apic-base.ts";
import type { LocalApicHooks } from "./hooks.ts";
import { readPage, writePage } from "./mmio.ts";
import { readRegister } from "./registers.ts";
import { ApicState } from "./state.ts";
import { expireTimer, timerDeadline } from "./timer.ts";
import { acceptVector, pendingVector, requestVector, type Trigger } from "./vectors.ts";
import { isReadableMsr, msrHighHalf, registerOfMsr, writeMsrRegister } from "./x2apic.ts";

/**
 * The local APICs of a domain's vCPUs, in xAPIC or x2APIC mode, as Xen gives them to its direct guests: no I/O APIC, no
 * pins, no TSC deadline. Each thread has its own object over the same memory.
 *
 * {@link post} and {@link injectVector} are for any thread, all else for the thread of the vCPU that is named. Nothing
 * here allocates.
 */
export class LocalApics {
  /** The halves of what {@link readMsr} has read: unsigned integers of 32 bits. */
  low = 0;
  high = 0;
  readonly #apics: ApicState;
  readonly #hooks: LocalApicHooks;

  /** Memory for all threads to share, with every APIC in the state after power-on. */
  static create(vcpus: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(ApicState.size(vcpus));
    const apics = new ApicState(buffer, vcpus);
    for (let vcpu = 0; vcpu < vcpus; vcpu++) apics.powerOn(vcpu);
    return buffer;
  }

  /** Over memory that {@link create} has made. */
  constructor(buffer: SharedArrayBuffer, vcpus: number, hooks: LocalApicHooks) {
    this.#apics = new ApicState(buffer, vcpus);
    this.#hooks = hooks;
  }

  /** What INIT does. */
  reset(vcpu: number): void {
    this.#apics.reset(vcpu);
  }

  /** Guest-physical address of the page with the registers; Infinity outside xAPIC mode, when there is none. */
  base(vcpu: number): number {
    const xapic = this.#apics.present(vcpu) && !this.#apics.x2apic(vcpu);
    return xapic ? APIC_DEFAULT_BASE : Number.POSITIVE_INFINITY;
  }
  /** `offset` in the page; the value is unsigned. */
  readMmio(vcpu: number, offset: number, size: number): number {
    return readPage(this.#apics, this.#hooks, vcpu, offset, size);
  }
  writeMmio(vcpu: number, offset: number, size: number, value: number): void {
    writePage(this.#apics, this.#hooks, vcpu, offset, size, value);
  }

  /** Whether an MSR is the APIC's: IA32_APIC_BASE, or in the range of x2APIC mode. */
  isMsr(index: number): boolean {
    return index === MSR.APIC_BASE || (index >= X2APIC_MSR_FIRST && index <= X2APIC_MSR_LAST);
  }
  /** Leaves the value in {@link low} and {@link high}. False for a general protection fault. */
  readMsr(vcpu: number, index: number): boolean {
    if (index === MSR.APIC_BASE) {
      this.low = this.#apics.baseLow(vcpu) >>> 0;
      this.high = this.#apics.baseHigh(vcpu) >>> 0;
      return true;
    }
    const offset = registerOfMsr(index);
    if (!this.isMsr(index) || !this.#apics.x2apic(vcpu) || !isReadableMsr(offset)) return false;
    this.low = readRegister(this.#apics, this.#hooks, vcpu, offset) >>> 0;
    this.high = msrHighHalf(this.#apics, vcpu, offset) >>> 0;
    return true;
  }
  /** False for a general protection fault. */
  writeMsr(vcpu: number, index: number, high: number, low: number): boolean {
    if (index === MSR.APIC_BASE) return writeApicBase(this.#apics, vcpu, high | 0, low | 0);
    if (!this.isMsr(index) || !this.#apics.x2apic(vcpu)) return false;
    return writeMsrRegister(this.#apics, this.#hooks, vcpu, registerOfMsr(index), high | 0, low | 0);
  }

  /** The vector that the processor takes next when it takes interrupts; -1 for none. */
  pendingVector(vcpu: number): number {
    return pendingVector(this.#apics, vcpu);
  }
  /** The processor takes what {@link pendingVector} gave. Returns the vector to inject: the spurious one if it has gone. */
  accept(vcpu: number, vector: number): number {
    return acceptVector(this.#apics, vcpu, vector);
  }

  /** The task priority, 0-255; CR8 is its high half. */
  tpr(vcpu: number): number {
    return this.#apics.register(vcpu, APIC_REG.TPR) & 0xff;
  }
  /** CR8 as the guest has left it. What is not new leaves the low half of the priority alone too. */
  setTpr(vcpu: number, cr8: number): void {
    if (this.tpr(vcpu) >> 4 === (cr8 & 0xf)) return;
    this.#apics.setRegister(vcpu, APIC_REG.TPR, (cr8 & 0xf) << 4);
  }

  /** Domain time in ns of the timer's next interrupt, or Infinity. */
  deadline(vcpu: number): number {
    return timerDeadline(this.#apics, vcpu);
  }
  /** Requests the timer's interrupt if its time has come at `now`. The next deadline is after `now` then. */
  expire(vcpu: number, now: number): void {
    expireTimer(this.#apics, vcpu, now);
  }

  /** An interrupt message. False when the APIC is disabled, and drops it. */
  post(vcpu: number, vector: number, trigger: Trigger): boolean {
    if (!this.#apics.enabled(vcpu)) return false;
    if (requestVector(this.#apics, vcpu, vector, trigger)) this.#hooks.wake(vcpu);
    return true;
  }
  /** The interrupt of HVMOP_set_evtchn_upcall_vector; the guest ends it with an EOI. */
  injectVector(vcpu: number, vector: number): boolean {
    return this.post(vcpu, vector, "edge");
  }
}
