import { KVM_SYNC_X86_REGS, KVM_SYNC_X86_SREGS, XEN_HYPERCALL_MSR } from "@pvh/abi";
import type { PortBus } from "../devices/port-bus.ts";
import type { VcpuPlatform } from "../vcpu/platform.ts";
import type { VcpuThread } from "../vcpu/thread.ts";
import type { XenDomain } from "./domain.ts";
import { GuestVirtual } from "./guest-virtual.ts";
import { HYPERCALL_PORT } from "./hypercall-port.ts";
import { HypercallPort } from "./hypercalls.ts";

/** A vCPU of the xen platform: no interrupt controller in the kernel, hypercalls through the page's port. */
export function xenVcpu(vcpu: VcpuThread, ports: PortBus, domain: XenDomain): VcpuPlatform {
  const memory = new GuestVirtual(vcpu.memory, vcpu.run);
  ports.attach(HYPERCALL_PORT, 1, new HypercallPort(vcpu.run, memory, domain, vcpu));
  const noEvents = () => false;
  return {
    // Special registers too: each hypercall checks the privilege level, and walks page tables.
    syncedRegisters: KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS,
    halt: () => vcpu.halt(noEvents),
    readMsr: () => false,
    writeMsr(index, high, low) {
      if (index !== XEN_HYPERCALL_MSR) return false;
      // Page index in the low bits: there is only page 0.
      if ((low & 0xfff) !== 0) return false;
      const gpa = (high >>> 0) * 2 ** 32 + (low >>> 0);
      const page = domain.hypercallPage;
      const slot = vcpu.memory.find(gpa, page.length);
      slot?.bytes.set(page, gpa - slot.gpa);
      return slot !== undefined;
    },
  };
}
