import { describe, expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as kvm from "./index.ts";

const check: HeaderCheck = {
  includes: ["linux/kvm.h"],
  structs: [
    { c: "struct kvm_userspace_memory_region", codec: kvm.kvmUserspaceMemoryRegion },
    { c: "struct kvm_enable_cap", codec: kvm.kvmEnableCap },
    { c: "struct kvm_pit_config", codec: kvm.kvmPitConfig },
    { c: "struct kvm_irq_level", codec: kvm.kvmIrqLevel },
    { c: "struct kvm_msr_filter_range", codec: kvm.kvmMsrFilterRange },
    { c: "struct kvm_msr_filter", codec: kvm.kvmMsrFilter },
    { c: "struct kvm_cpuid2", codec: kvm.kvmCpuid2 },
    { c: "struct kvm_cpuid_entry2", codec: kvm.kvmCpuidEntry },
    { c: "struct kvm_xen_hvm_config", codec: kvm.kvmXenHvmConfig },
    { c: "struct kvm_segment", codec: kvm.kvmSegment },
    { c: "struct kvm_dtable", codec: kvm.kvmDtable },
    { c: "struct kvm_regs", codec: kvm.kvmRegs },
    { c: "struct kvm_sregs", codec: kvm.kvmSregs },
    { c: "struct kvm_debugregs", codec: kvm.kvmDebugregs },
    {
      c: "struct kvm_vcpu_events",
      codec: kvm.kvmVcpuEvents,
      names: { nmi_injected: "nmi.injected", nmi_pending: "nmi.pending", nmi_masked: "nmi.masked" },
    },
    {
      c: "struct kvm_xcrs",
      codec: kvm.kvmXcrs,
      names: { xcr: "xcrs[0].xcr", value: "xcrs[0].value" },
    },
    { c: "struct kvm_msrs", codec: kvm.kvmMsrs },
    { c: "struct kvm_msr_entry", codec: kvm.kvmMsrEntry },
    { c: "struct kvm_translation", codec: kvm.kvmTranslation },
  ],
  constants: {
    ...kvm.kvmIoctl,
    ...kvm.kvmCapability,
    ...kvm.kvmExit,
    ...kvm.kvmSystemEvent,
    KVM_API_VERSION: kvm.KVM_API_VERSION,
    KVM_SYNC_X86_REGS: kvm.KVM_SYNC_X86_REGS,
    KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL: kvm.KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
    KVM_SYNC_X86_SREGS: kvm.KVM_SYNC_X86_SREGS,
    KVM_MSR_EXIT_REASON_INVAL: kvm.KVM_MSR_EXIT_REASON_INVAL,
    KVM_MSR_EXIT_REASON_UNKNOWN: kvm.KVM_MSR_EXIT_REASON_UNKNOWN,
    KVM_MSR_EXIT_REASON_FILTER: kvm.KVM_MSR_EXIT_REASON_FILTER,
    KVM_PIT_SPEAKER_DUMMY: kvm.KVM_PIT_SPEAKER_DUMMY,
    KVM_MSR_FILTER_READ: kvm.KVM_MSR_FILTER_READ,
    KVM_MSR_FILTER_WRITE: kvm.KVM_MSR_FILTER_WRITE,
    KVM_CPUID_FLAG_SIGNIFCANT_INDEX: kvm.KVM_CPUID_FLAG_SIGNIFICANT_INDEX,
    KVM_INTERNAL_ERROR_EMULATION: kvm.KVM_INTERNAL_ERROR_EMULATION,
    KVM_EXIT_IO_OUT: kvm.KVM_EXIT_IO_OUT,
    ...runOffsets(),
  },
};

/** `kvm_run`'s offsets as C expressions; two of its members have no name of their own in the union. */
function runOffsets(): Record<string, number> {
  const offsets: Record<string, number> = {};
  const at = (member: string, offset: number) => {
    offsets[`offsetof(struct kvm_run, ${member})`] = offset;
  };
  const { kvmRun } = kvm;
  for (const union of ["io", "mmio", "internal", "system_event", "msr"] as const) {
    for (const [member, offset] of Object.entries(kvmRun[union])) at(`${union}.${member}`, offset);
  }
  for (const [member, offset] of Object.entries(kvmRun.emulation_failure)) {
    at(`emulation_failure.${member}`, offset);
  }
  for (const [member, offset] of Object.entries(kvmRun.xen)) at(`xen.u.hcall.${member}`, offset);
  at("immediate_exit", kvmRun.immediate_exit);
  at("request_interrupt_window", kvmRun.request_interrupt_window);
  at("exit_reason", kvmRun.exit_reason);
  at("cr8", kvmRun.cr8);
  at("ready_for_interrupt_injection", kvmRun.ready_for_interrupt_injection);
  at("if_flag", kvmRun.if_flag);
  at("hw.hardware_exit_reason", kvmRun.hardware_reason);
  at("fail_entry.hardware_entry_failure_reason", kvmRun.hardware_reason);
  at("kvm_valid_regs", kvmRun.kvm_valid_regs);
  at("kvm_dirty_regs", kvmRun.kvm_dirty_regs);
  at("s.regs.regs", kvmRun.regs);
  at("s.regs.sregs", kvmRun.sregs);
  return offsets;
}

describe("KVM's structures and numbers", () => {
  const missing = headersMissing(check, "install linux-libc-dev and a C compiler");
  test.skipIf(missing !== undefined)(`agree with <linux/kvm.h> ${missing ?? ""}`, () => {
    expect(headerMismatches(check)).toEqual([]);
  });
});
