import { APIC_ESR, APIC_FIRST_LEGAL_VECTOR, APIC_LVT, APIC_REG, APIC_VECTOR_MASK } from "@pvh/abi";
import type { ApicState } from "./state.ts";

/**
 * The way of an interrupt through one APIC: requested (IRR), in service (ISR), ended (EOI). Functions for `vcpu`'s own
 * thread, but for {@link requestVector} and {@link reportError}.
 */

/** Level triggered interrupts differ by their bit in TMR alone: there is no I/O APIC to tell of their end. */
export type Trigger = "edge" | "level";

/** From any thread. Returns whether the vCPU has something new to take. */
export function requestVector(apics: ApicState, vcpu: number, vector: number, trigger: Trigger): boolean {
  if (vector < APIC_FIRST_LEGAL_VECTOR) return reportError(apics, vcpu, APIC_ESR.RECEIVE_ILLEGAL_VECTOR);
  if (trigger === "level") apics.setVector(vcpu, APIC_REG.TMR, vector);
  else apics.clearVector(vcpu, APIC_REG.TMR, vector);
  return apics.setVector(vcpu, APIC_REG.IRR, vector);
}

/**
 * An error of APIC_ESR. Only one that is not pending yet interrupts, as in Xen. From any thread; returns whether the
 * vCPU has something new to take.
 */
export function reportError(apics: ApicState, vcpu: number, error: number): boolean {
  if (apics.addErrors(vcpu, error) === 0) return false;
  const lvt = apics.register(vcpu, APIC_REG.LVT_ERROR);
  if ((lvt & APIC_LVT.MASKED) !== 0) return false;
  const vector = lvt & APIC_VECTOR_MASK;
  if (vector >= APIC_FIRST_LEGAL_VECTOR) return requestVector(apics, vcpu, vector, "edge");
  // The report of the error is an error itself, and must not be reported.
  apics.addErrors(vcpu, APIC_ESR.RECEIVE_ILLEGAL_VECTOR);
  return false;
}

/** The vector that the processor is to take next; -1 when none is above its priority (SDM volume 3, 11.8.3). */
export function pendingVector(apics: ApicState, vcpu: number): number {
  if (!apics.enabled(vcpu)) return -1;
  const vector = apics.highestVector(vcpu, APIC_REG.IRR);
  return vector >= 0 && (vector & 0xf0) > (apics.processorPriority(vcpu) & 0xf0) ? vector : -1;
}

/**
 * The processor takes `vector`. Returns the vector that it gets: the spurious one, which is not in service and needs no
 * EOI, when the request has gone meanwhile (11.9).
 */
export function acceptVector(apics: ApicState, vcpu: number, vector: number): number {
  if (!apics.clearVector(vcpu, APIC_REG.IRR, vector)) {
    return apics.register(vcpu, APIC_REG.SVR) & APIC_VECTOR_MASK;
  }
  apics.setVector(vcpu, APIC_REG.ISR, vector);
  return vector;
}

/** The highest interrupt in service has been handled (11.8.5). */
export function endOfInterrupt(apics: ApicState, vcpu: number): void {
  const vector = apics.highestVector(vcpu, APIC_REG.ISR);
  if (vector >= 0) apics.clearVector(vcpu, APIC_REG.ISR, vector);
}
