import { APIC_DELIVERY, APIC_ESR, APIC_FIRST_LEGAL_VECTOR, APIC_ICR, APIC_VECTOR_MASK } from "@pvh/abi";
import { destinationField, isDestination } from "./destination.ts";
import type { LocalApicHooks } from "./hooks.ts";
import type { ApicState } from "./state.ts";
import { reportError, requestVector } from "./vectors.ts";

/**
 * Sends what a write to the ICR of `source` orders, on its thread (SDM volume 3, 11.6). SMI, ExtINT and the reserved
 * modes reach nobody.
 */
export function sendIpi(
  apics: ApicState,
  hooks: LocalApicHooks,
  source: number,
  icr: number,
  icrHigh: number,
): void {
  const mode = icr & APIC_DELIVERY.MASK;
  const destination = destinationField(apics, source, icrHigh);
  if (mode === APIC_DELIVERY.FIXED || mode === APIC_DELIVERY.LOWEST_PRIORITY) {
    if ((icr & APIC_VECTOR_MASK) < APIC_FIRST_LEGAL_VECTOR) {
      reportError(apics, source, APIC_ESR.SEND_ILLEGAL_VECTOR);
      return;
    }
  }
  if (mode === APIC_DELIVERY.LOWEST_PRIORITY) {
    const target = lowestPriority(apics, source, icr, destination);
    if (target >= 0) interrupt(apics, hooks, target, source, icr);
    return;
  }
  for (let target = 0; target < apics.vcpus; target++) {
    if (!apics.present(target) || !isDestination(apics, target, source, icr, destination)) continue;
    switch (mode) {
      case APIC_DELIVERY.FIXED:
        if (apics.enabled(target)) interrupt(apics, hooks, target, source, icr);
        break;
      case APIC_DELIVERY.NMI:
        hooks.nmi(target);
        break;
      case APIC_DELIVERY.INIT:
        if (!isDeassert(icr)) hooks.init(target);
        break;
      case APIC_DELIVERY.STARTUP:
        hooks.startup(target, icr & APIC_VECTOR_MASK);
        break;
    }
  }
}

/** INIT level de-assert: processors since the Pentium 4 ignore it (11.6.1). */
function isDeassert(icr: number): boolean {
  return (icr & (APIC_ICR.LEVEL | APIC_ICR.ASSERT)) === APIC_ICR.LEVEL;
}

function interrupt(
  apics: ApicState,
  hooks: LocalApicHooks,
  target: number,
  source: number,
  icr: number,
): void {
  const isNew = requestVector(apics, target, icr & APIC_VECTOR_MASK, "edge");
  if (isNew && target !== source) hooks.wake(target);
}

/** Of several with the lowest priority each gets its turn, as in Xen. -1 when nobody can take it. */
function lowestPriority(apics: ApicState, source: number, icr: number, destination: number): number {
  const { vcpus, lastArbitration } = apics;
  let lowest = 0x100;
  let winner = -1;
  for (let i = 1; i <= vcpus; i++) {
    const target = (lastArbitration + i) % vcpus;
    if (!apics.enabled(target) || !isDestination(apics, target, source, icr, destination)) continue;
    const priority = apics.processorPriority(target);
    if (priority >= lowest) continue;
    lowest = priority;
    winner = target;
  }
  if (winner >= 0) apics.lastArbitration = winner;
  return winner;
}
