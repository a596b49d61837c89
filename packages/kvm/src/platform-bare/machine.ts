import type { CpuidEntry } from "@pvh/abi";
import { KVM_PIT_SPEAKER_DUMMY, kvmPitConfig } from "@pvh/abi";
import { editCpuid, forVcpu } from "../cpuid.ts";
import { checkCapability, kvmCall, kvmCallWith } from "../host/kvm.ts";

const LEAF1_ECX_X2APIC = 1 << 21;
const LEAF1_ECX_TSC_DEADLINE = 1 << 24;

/** PIC, IOAPIC, local APICs and PIT of the kernel. Before any vCPU is made. */
export function createBareMachine(vmFd: number): void {
  kvmCall(vmFd, "KVM_CREATE_IRQCHIP");
  kvmCallWith(vmFd, "KVM_CREATE_PIT2", kvmPitConfig.encode({ flags: KVM_PIT_SPEAKER_DUMMY }));
}

/** Everything that the host's KVM offers, KVM's own leaves included. */
export function bareCpuid(kvmFd: number, supported: CpuidEntry[], vcpu: number, vcpus: number): CpuidEntry[] {
  const deadline = checkCapability(kvmFd, "KVM_CAP_TSC_DEADLINE_TIMER") > 0 ? LEAF1_ECX_TSC_DEADLINE : 0;
  const edits = [{ leaf: 1, register: "ecx", set: LEAF1_ECX_X2APIC | deadline }] as const;
  return forVcpu(editCpuid(supported, edits), vcpu, vcpus);
}
