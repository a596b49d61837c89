import { HVM_SAVE_CODE, hvmHwCpu, hvmSaveDescriptor } from "@pvh/abi";
import { hex } from "@pvh/errors";
import type { CrashReport } from "../../domain.ts";

/**
 * What a vCPU was doing, from the records of its domain's HVM context; undefined when they have no such vCPU. Exits are
 * the hypervisor's business, which keeps none.
 */
export function reportOf(context: Uint8Array, vcpu: number): CrashReport | undefined {
  for (let at = 0; at + hvmSaveDescriptor.size <= context.length; ) {
    const { typecode, instance, length } = hvmSaveDescriptor.decode(context, at);
    const body = at + hvmSaveDescriptor.size;
    if (typecode === HVM_SAVE_CODE.END) return undefined;
    if (typecode === HVM_SAVE_CODE.CPU && instance === vcpu && body + hvmHwCpu.size <= context.length)
      return report(vcpu, hvmHwCpu.decode(context, body));
    at = body + length;
  }
  return undefined;
}

/** With the names, and in the order, of the reports of KVM's guests. */
function report(vcpu: number, cpu: ReturnType<typeof hvmHwCpu.decode>): CrashReport {
  const { rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags } = cpu;
  const general = {
    rax,
    rbx,
    rcx,
    rdx,
    rsi,
    rdi,
    rsp,
    rbp,
    r8,
    r9,
    r10,
    r11,
    r12,
    r13,
    r14,
    r15,
    rip,
    rflags,
  };
  const special = {
    cr0: cpu.cr0,
    cr2: cpu.cr2,
    cr3: cpu.cr3,
    cr4: cpu.cr4,
    efer: cpu.msr_efer,
    cs: cpu.cs_sel,
    cs_base: cpu.cs_base,
    ss: cpu.ss_sel,
    gdt_base: cpu.gdtr_base,
    idt_base: cpu.idtr_base,
  };
  const registers = Object.entries({ ...general, ...special }).map(([name, value]) => [name, hex(value)]);
  return { vcpu, rip: hex(rip), registers: Object.fromEntries(registers), lastExits: [] };
}
