import { APIC_BASE, APIC_DEFAULT_BASE, APIC_DFR, APIC_LVT, APIC_REG, APIC_SVR } from "@pvh/abi";

/** 16-byte steps of the register page: one word here for each. */
const REGISTERS = 64;
/** Words behind the registers that the guest sees elsewhere or not at all. */
const WORD = { baseLow: REGISTERS, baseHigh: REGISTERS + 1, errors: REGISTERS + 2 } as const;
/** Doubles behind the words. */
const REAL = { timerStart: 0, timerExpiry: 1 } as const;

const REALS_OFFSET = (REGISTERS + 4) * 4;
/** Whole cache lines, so that vCPUs do not slow each other down. */
const APIC_SIZE = 320;
const APIC_WORDS = APIC_SIZE / 4;
const APIC_REALS = APIC_SIZE / 8;
/** What the domain has once, before the APICs. */
const HEADER_SIZE = 64;
const LAST_ARBITRATION = 0;

/** Version 0x14 (integrated xAPIC) with 6 entries in the local vector table, no EOI broadcast suppression: as in Xen. */
const VERSION = 0x00050014;
const SPURIOUS_AFTER_RESET = 0xff;

const LVT_REGISTERS = [
  APIC_REG.LVT_TIMER,
  APIC_REG.LVT_THERMAL,
  APIC_REG.LVT_PERFORMANCE,
  APIC_REG.LVT_LINT0,
  APIC_REG.LVT_LINT1,
  APIC_REG.LVT_ERROR,
] as const;
const BITMAP_WORDS = 8;

/**
 * The registers of all vCPUs' APICs in memory that the VMM's threads share. Bits of IRR, TMR and of the pending errors
 * are set from any thread; everything else is written by the vCPU's own thread, and only read by others.
 */
export class ApicState {
  readonly vcpus: number;
  readonly #words: Int32Array;
  readonly #reals: Float64Array;

  static size(vcpus: number): number {
    return HEADER_SIZE + vcpus * APIC_SIZE;
  }

  constructor(buffer: SharedArrayBuffer, vcpus: number) {
    this.vcpus = vcpus;
    this.#words = new Int32Array(buffer);
    this.#reals = new Float64Array(buffer);
  }

  /** A register by its offset in the page; a signed integer of 32 bits. */
  register(vcpu: number, offset: number): number {
    return Atomics.load(this.#words, at(vcpu, offset >> 4));
  }
  setRegister(vcpu: number, offset: number, value: number): void {
    Atomics.store(this.#words, at(vcpu, offset >> 4), value);
  }

  /** Sets the bit of a vector in ISR, TMR or IRR. Returns whether it was clear. */
  setVector(vcpu: number, bitmap: number, vector: number): boolean {
    const mask = 1 << (vector & 31);
    return (Atomics.or(this.#words, at(vcpu, (bitmap >> 4) + (vector >> 5)), mask) & mask) === 0;
  }
  /** Returns whether the bit was set. */
  clearVector(vcpu: number, bitmap: number, vector: number): boolean {
    const mask = 1 << (vector & 31);
    return (Atomics.and(this.#words, at(vcpu, (bitmap >> 4) + (vector >> 5)), ~mask) & mask) !== 0;
  }
  /** The highest vector whose bit is set; -1 when none is. */
  highestVector(vcpu: number, bitmap: number): number {
    const first = at(vcpu, bitmap >> 4);
    for (let word = BITMAP_WORDS - 1; word >= 0; word--) {
      const bits = Atomics.load(this.#words, first + word);
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
    }
    return -1;
  }

  /** Processor priority: the higher of the task's and that of the interrupt in service (SDM volume 3, 11.8.3.1). */
  processorPriority(vcpu: number): number {
    const task = this.register(vcpu, APIC_REG.TPR) & 0xff;
    const inService = Math.max(this.highestVector(vcpu, APIC_REG.ISR), 0) & 0xf0;
    return (task & 0xf0) >= inService ? task : inService;
  }

  /** IA32_APIC_BASE. */
  baseLow(vcpu: number): number {
    return Atomics.load(this.#words, at(vcpu, WORD.baseLow));
  }
  baseHigh(vcpu: number): number {
    return Atomics.load(this.#words, at(vcpu, WORD.baseHigh));
  }
  setBase(vcpu: number, high: number, low: number): void {
    Atomics.store(this.#words, at(vcpu, WORD.baseHigh), high);
    Atomics.store(this.#words, at(vcpu, WORD.baseLow), low);
  }

  /** Not disabled in IA32_APIC_BASE: the processor has an APIC at all. */
  present(vcpu: number): boolean {
    return (this.baseLow(vcpu) & APIC_BASE.EN) !== 0;
  }
  /** Present, and enabled in the spurious vector register: it takes interrupts. */
  enabled(vcpu: number): boolean {
    return this.present(vcpu) && (this.register(vcpu, APIC_REG.SVR) & APIC_SVR.ENABLE) !== 0;
  }
  x2apic(vcpu: number): boolean {
    return (this.baseLow(vcpu) & APIC_BASE.EXTD) !== 0;
  }

  /** Errors that the guest has not latched into ESR yet. Returns those of `errors` that are new. */
  addErrors(vcpu: number, errors: number): number {
    return errors & ~Atomics.or(this.#words, at(vcpu, WORD.errors), errors);
  }
  takeErrors(vcpu: number): number {
    return Atomics.exchange(this.#words, at(vcpu, WORD.errors), 0);
  }

  /** Domain time in ns at which the timer began its current count. */
  timerStart(vcpu: number): number {
    return this.#reals[realAt(vcpu, REAL.timerStart)] ?? 0;
  }
  /** Domain time in ns at which the timer reaches 0; Infinity while it is stopped. */
  timerExpiry(vcpu: number): number {
    return this.#reals[realAt(vcpu, REAL.timerExpiry)] ?? Number.POSITIVE_INFINITY;
  }
  setTimer(vcpu: number, start: number, expiry: number): void {
    this.#reals[realAt(vcpu, REAL.timerStart)] = start;
    this.#reals[realAt(vcpu, REAL.timerExpiry)] = expiry;
  }

  /** The vCPU that won the last arbitration for lowest priority. */
  get lastArbitration(): number {
    return Atomics.load(this.#words, LAST_ARBITRATION);
  }
  set lastArbitration(vcpu: number) {
    Atomics.store(this.#words, LAST_ARBITRATION, vcpu);
  }

  maskLvt(vcpu: number): void {
    for (const offset of LVT_REGISTERS) {
      this.setRegister(vcpu, offset, this.register(vcpu, offset) | APIC_LVT.MASKED);
    }
  }

  /** After INIT: all but the APIC id, IA32_APIC_BASE, and the LDR of x2APIC mode (11.4.7.3, 11.12.5). */
  reset(vcpu: number): void {
    for (let offset = 0; offset < REGISTERS << 4; offset += 16) {
      if (offset === APIC_REG.ID) continue;
      if (offset === APIC_REG.LDR && this.x2apic(vcpu)) continue;
      this.setRegister(vcpu, offset, 0);
    }
    this.setRegister(vcpu, APIC_REG.VERSION, VERSION);
    this.setRegister(vcpu, APIC_REG.DFR, APIC_DFR.FLAT);
    this.setRegister(vcpu, APIC_REG.SVR, SPURIOUS_AFTER_RESET);
    this.maskLvt(vcpu);
    this.takeErrors(vcpu);
    this.setTimer(vcpu, 0, Number.POSITIVE_INFINITY);
  }

  /** Present, in xAPIC mode, and disabled by software. Only vCPU 0 is the bootstrap processor. */
  powerOn(vcpu: number): void {
    this.setBase(vcpu, 0, APIC_DEFAULT_BASE | APIC_BASE.EN | (vcpu === 0 ? APIC_BASE.BSP : 0));
    this.setRegister(vcpu, APIC_REG.ID, apicId(vcpu) << 24);
    this.reset(vcpu);
  }

  /** In x2APIC mode both follow from the processor's number and cannot be changed (11.12.10.2). */
  setX2apicIds(vcpu: number): void {
    const id = apicId(vcpu);
    this.setRegister(vcpu, APIC_REG.ID, id);
    this.setRegister(vcpu, APIC_REG.LDR, ((id >> 4) << 16) | (1 << (id & 0xf)));
  }
}

/** Xen numbers the APICs of its guests 0, 2, 4, ...; the MADT and CPUID say the same. */
export function apicId(vcpu: number): number {
  return vcpu * 2;
}

function at(vcpu: number, word: number): number {
  return HEADER_SIZE / 4 + vcpu * APIC_WORDS + word;
}

function realAt(vcpu: number, real: number): number {
  return (HEADER_SIZE + REALS_OFFSET) / 8 + vcpu * APIC_REALS + real;
}
