import { KVM_SYNC_X86_REGS } from "@pvh/abi";
import type { VcpuPlatform } from "../vcpu/platform.ts";

/** A vCPU of the bare platform: interrupts, HLT and MSRs are the kernel's business. */
export const bareVcpu: VcpuPlatform = {
  syncedRegisters: KVM_SYNC_X86_REGS,
  enter: () => true,
  left: () => {},
  halt: () => {},
  readMsr: () => false,
  writeMsr: () => false,
  mmio: () => false,
  hypercall: () => {},
  emulate: () => false,
};
