import { APIC_DELIVERY, APIC_ICR, APIC_LVT, APIC_REG, APIC_VECTOR_MASK, X2APIC_MSR_FIRST } from "@pvh/abi";
import type { LocalApicHooks } from "./hooks.ts";
import { WRITABLE_BITS, writeRegister } from "./registers.ts";
import type { ApicState } from "./state.ts";

/** The registers of x2APIC mode as MSRs (SDM volume 3, 11.12). The caller has checked that the mode is on. */

const SINGLE_READABLE: readonly number[] = [
  APIC_REG.ID,
  APIC_REG.VERSION,
  APIC_REG.TPR,
  APIC_REG.PPR,
  APIC_REG.LDR,
  APIC_REG.SVR,
  APIC_REG.ESR,
  APIC_REG.LVT_CMCI,
  APIC_REG.ICR,
  APIC_REG.LVT_TIMER,
  APIC_REG.LVT_THERMAL,
  APIC_REG.LVT_PERFORMANCE,
  APIC_REG.LVT_LINT0,
  APIC_REG.LVT_LINT1,
  APIC_REG.LVT_ERROR,
  APIC_REG.TIMER_INITIAL_COUNT,
  APIC_REG.TIMER_CURRENT_COUNT,
  APIC_REG.TIMER_DIVIDE,
];
/** ISR, TMR and IRR follow each other. */
const BITMAPS_END = APIC_REG.IRR + 0x80;

/** Read-only bits: writing them is no fault, as writing reserved ones is. */
const LVT_STATUS = APIC_LVT.DELIVERY_STATUS;
const PIN_STATUS = LVT_STATUS | APIC_LVT.REMOTE_IRR;

/** Bits of the low half that can be written without a fault. */
const ALLOWED_BITS: Readonly<Record<number, number>> = {
  [APIC_REG.TPR]: bits(APIC_REG.TPR),
  [APIC_REG.EOI]: 0,
  [APIC_REG.SVR]: bits(APIC_REG.SVR),
  [APIC_REG.ESR]: 0,
  [APIC_REG.LVT_CMCI]: bits(APIC_REG.LVT_THERMAL) | LVT_STATUS,
  [APIC_REG.ICR]: bits(APIC_REG.ICR),
  [APIC_REG.LVT_TIMER]: bits(APIC_REG.LVT_TIMER) | LVT_STATUS,
  [APIC_REG.LVT_THERMAL]: bits(APIC_REG.LVT_THERMAL) | LVT_STATUS,
  [APIC_REG.LVT_PERFORMANCE]: bits(APIC_REG.LVT_PERFORMANCE) | LVT_STATUS,
  [APIC_REG.LVT_LINT0]: bits(APIC_REG.LVT_LINT0) | PIN_STATUS,
  [APIC_REG.LVT_LINT1]: bits(APIC_REG.LVT_LINT1) | PIN_STATUS,
  [APIC_REG.LVT_ERROR]: bits(APIC_REG.LVT_ERROR) | LVT_STATUS,
  [APIC_REG.TIMER_INITIAL_COUNT]: bits(APIC_REG.TIMER_INITIAL_COUNT),
  [APIC_REG.TIMER_DIVIDE]: bits(APIC_REG.TIMER_DIVIDE),
  [APIC_REG.SELF_IPI]: APIC_VECTOR_MASK,
};

function bits(offset: number): number {
  return WRITABLE_BITS[offset] ?? 0;
}

export function registerOfMsr(index: number): number {
  return (index - X2APIC_MSR_FIRST) * 16;
}

export function isReadableMsr(offset: number): boolean {
  return (offset >= APIC_REG.ISR && offset < BITMAPS_END) || SINGLE_READABLE.includes(offset);
}

/** Only the ICR has a high half. */
export function msrHighHalf(apics: ApicState, vcpu: number, offset: number): number {
  return offset === APIC_REG.ICR ? apics.register(vcpu, APIC_REG.ICR_HIGH) : 0;
}

/** False for a general protection fault: no such register, or a reserved bit is set. */
export function writeMsrRegister(
  apics: ApicState,
  hooks: LocalApicHooks,
  vcpu: number,
  offset: number,
  high: number,
  low: number,
): boolean {
  const allowed = ALLOWED_BITS[offset];
  if (allowed === undefined || (low & ~allowed) !== 0) return false;
  if (offset === APIC_REG.ICR) apics.setRegister(vcpu, APIC_REG.ICR_HIGH, high);
  else if (high !== 0) return false;
  if (offset === APIC_REG.SELF_IPI) {
    const icr = APIC_ICR.SELF | APIC_DELIVERY.FIXED | low;
    writeRegister(apics, hooks, vcpu, APIC_REG.ICR, icr);
  } else {
    writeRegister(apics, hooks, vcpu, offset, low);
  }
  return true;
}
