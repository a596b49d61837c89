import { APIC_DFR, APIC_ICR, APIC_REG } from "@pvh/abi";
import type { ApicState } from "./state.ts";

const XAPIC_BROADCAST = 0xff;
const X2APIC_BROADCAST = 0xffffffff | 0;

/** The destination in the high half of an ICR: all of it in x2APIC mode, else its high byte. */
export function destinationField(apics: ApicState, source: number, icrHigh: number): number {
  return apics.x2apic(source) ? icrHigh | 0 : icrHigh >>> 24;
}

/** Whether an IPI of `source` is for `target` (SDM volume 3, 11.6.2; 11.12.10). */
export function isDestination(
  apics: ApicState,
  target: number,
  source: number,
  icr: number,
  destination: number,
): boolean {
  switch (icr & APIC_ICR.SHORTHAND_MASK) {
    case APIC_ICR.SELF:
      return target === source;
    case APIC_ICR.ALL:
      return true;
    case APIC_ICR.ALL_BUT_SELF:
      return target !== source;
  }
  // What the message means is up to the receiver's mode, as in Xen.
  const x2apic = apics.x2apic(target);
  if (destination === (x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST)) return true;
  if ((icr & APIC_ICR.LOGICAL) !== 0) return matchesLogical(apics, target, x2apic, destination);
  const id = apics.register(target, APIC_REG.ID);
  return destination === (x2apic ? id : id >>> 24);
}

function matchesLogical(apics: ApicState, target: number, x2apic: boolean, destination: number): boolean {
  const ldr = apics.register(target, APIC_REG.LDR);
  // 16 clusters' members in the low half, the cluster in the high one.
  if (x2apic) return ldr >>> 16 === destination >>> 16 && (ldr & destination & 0xffff) !== 0;
  if (destination >>> 8 !== 0) return false;
  const id = ldr >>> 24;
  switch (apics.register(target, APIC_REG.DFR) >>> 0) {
    case APIC_DFR.FLAT:
      return (id & destination) !== 0;
    case APIC_DFR.CLUSTER:
      return id >> 4 === destination >> 4 && (id & destination & 0xf) !== 0;
    default:
      return false;
  }
}
