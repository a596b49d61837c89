import { APIC_BASE, APIC_DEFAULT_BASE } from "@pvh/abi";
import type { ApicState } from "./state.ts";

const FLAGS = APIC_BASE.BSP | APIC_BASE.EXTD | APIC_BASE.EN;
const ADDRESS_LOW = ~0xfff;
/** Xen checks against 52 bits of address, whatever the processor has. */
const ADDRESS_HIGH = 0xfffff;

/**
 * A write to IA32_APIC_BASE (SDM volume 3, 11.4.4 and 11.12.5); false for a general protection fault. From xAPIC mode
 * one gets to x2APIC mode, from there only to disabled, and from disabled only to xAPIC mode, reset. As in Xen, the page
 * of xAPIC mode cannot be moved.
 */
export function writeApicBase(apics: ApicState, vcpu: number, high: number, low: number): boolean {
  if ((low & ~(ADDRESS_LOW | FLAGS)) !== 0 || (high & ~ADDRESS_HIGH) !== 0) return false;
  const before = apics.baseLow(vcpu);
  const enable = (low & APIC_BASE.EN) !== 0;
  const extended = (low & APIC_BASE.EXTD) !== 0;
  if (!enable && extended) return false;
  if (enable && !extended) {
    if ((before & APIC_BASE.EXTD) !== 0) return false;
    if (high !== 0 || (low & ADDRESS_LOW) !== (APIC_DEFAULT_BASE | 0)) return false;
  }
  if (extended && (before & APIC_BASE.EN) === 0) return false;
  if (enable && (before & APIC_BASE.EN) === 0) apics.powerOn(vcpu);
  apics.setBase(vcpu, high, low);
  if (extended) apics.setX2apicIds(vcpu);
  return true;
}
