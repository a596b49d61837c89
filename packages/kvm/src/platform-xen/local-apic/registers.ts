import { APIC_DELIVERY, APIC_DFR, APIC_DIVIDE_MASK, APIC_ICR, APIC_LVT, APIC_REG, APIC_SVR } from "@pvh/abi";
import type { LocalApicHooks } from "./hooks.ts";
import { sendIpi } from "./ipi.ts";
import type { ApicState } from "./state.ts";
import { currentCount, setDivide, setInitialCount, setTimerLvt } from "./timer.ts";
import { endOfInterrupt } from "./vectors.ts";

/** What reads and writes of the registers do, by their offsets in the page; common to both modes. */

const LOW_BYTE = 0xff;
const HIGH_BYTE = 0xff << 24;

/** Bits that software may set: everything else of a register is reserved or read-only (SDM volume 3, figure 11-8). */
const LVT_VECTOR = LOW_BYTE | APIC_LVT.MASKED;
const LVT_MODE = LVT_VECTOR | APIC_DELIVERY.MASK;
const LVT_PIN = LVT_MODE | APIC_LVT.ACTIVE_LOW | APIC_LVT.LEVEL;
const ICR_BITS =
  LOW_BYTE |
  APIC_DELIVERY.MASK |
  APIC_ICR.LOGICAL |
  APIC_ICR.ASSERT |
  APIC_ICR.LEVEL |
  APIC_ICR.SHORTHAND_MASK;

/** Registers that a write changes, and in them the bits that it can set. */
export const WRITABLE_BITS: Readonly<Record<number, number>> = {
  [APIC_REG.ID]: HIGH_BYTE,
  [APIC_REG.TPR]: LOW_BYTE,
  [APIC_REG.LDR]: HIGH_BYTE,
  [APIC_REG.SVR]: LOW_BYTE | APIC_SVR.ENABLE | APIC_SVR.FOCUS_DISABLED,
  [APIC_REG.ICR]: ICR_BITS,
  [APIC_REG.ICR_HIGH]: HIGH_BYTE,
  [APIC_REG.LVT_TIMER]: LVT_VECTOR | APIC_LVT.TIMER_PERIODIC,
  [APIC_REG.LVT_THERMAL]: LVT_MODE,
  [APIC_REG.LVT_PERFORMANCE]: LVT_MODE,
  [APIC_REG.LVT_LINT0]: LVT_PIN,
  [APIC_REG.LVT_LINT1]: LVT_PIN,
  [APIC_REG.LVT_ERROR]: LVT_VECTOR,
  [APIC_REG.TIMER_INITIAL_COUNT]: -1,
  [APIC_REG.TIMER_DIVIDE]: APIC_DIVIDE_MASK,
};

/** A signed integer of 32 bits. Registers that do not exist, or can only be written, read 0. */
export function readRegister(apics: ApicState, hooks: LocalApicHooks, vcpu: number, offset: number): number {
  switch (offset) {
    case APIC_REG.PPR:
      return apics.processorPriority(vcpu);
    case APIC_REG.TIMER_CURRENT_COUNT:
      return currentCount(apics, vcpu, hooks.now()) | 0;
    default:
      return apics.register(vcpu, offset);
  }
}

/** Writes to registers that do not exist, or can only be read, vanish. */
export function writeRegister(
  apics: ApicState,
  hooks: LocalApicHooks,
  vcpu: number,
  offset: number,
  written: number,
): void {
  const value = written & (WRITABLE_BITS[offset] ?? -1);
  switch (offset) {
    case APIC_REG.ID:
    case APIC_REG.TPR:
    case APIC_REG.LDR:
    case APIC_REG.ICR_HIGH:
      apics.setRegister(vcpu, offset, value);
      break;
    case APIC_REG.DFR:
      apics.setRegister(vcpu, offset, value | APIC_DFR.CLUSTER);
      break;
    case APIC_REG.EOI:
      endOfInterrupt(apics, vcpu);
      break;
    case APIC_REG.ESR:
      // The write shows the errors since the last one (11.5.3).
      apics.setRegister(vcpu, offset, apics.takeErrors(vcpu));
      break;
    case APIC_REG.SVR:
      apics.setRegister(vcpu, offset, value);
      if ((value & APIC_SVR.ENABLE) === 0) apics.maskLvt(vcpu);
      else hooks.enabled(vcpu);
      break;
    case APIC_REG.ICR:
      apics.setRegister(vcpu, offset, value);
      sendIpi(apics, hooks, vcpu, value, apics.register(vcpu, APIC_REG.ICR_HIGH));
      break;
    case APIC_REG.LVT_TIMER:
      setTimerLvt(apics, vcpu, lvt(apics, vcpu, value), hooks.now());
      break;
    case APIC_REG.LVT_THERMAL:
    case APIC_REG.LVT_PERFORMANCE:
    case APIC_REG.LVT_LINT0:
    case APIC_REG.LVT_LINT1:
    case APIC_REG.LVT_ERROR:
      apics.setRegister(vcpu, offset, lvt(apics, vcpu, value));
      break;
    case APIC_REG.TIMER_INITIAL_COUNT:
      setInitialCount(apics, vcpu, value, hooks.now());
      break;
    case APIC_REG.TIMER_DIVIDE:
      setDivide(apics, vcpu, value, hooks.now());
      break;
  }
}

/** While software has the APIC disabled, all entries stay masked (11.4.7.2). */
function lvt(apics: ApicState, vcpu: number, value: number): number {
  const enabled = (apics.register(vcpu, APIC_REG.SVR) & APIC_SVR.ENABLE) !== 0;
  return enabled ? value : value | APIC_LVT.MASKED;
}
