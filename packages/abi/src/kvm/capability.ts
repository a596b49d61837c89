/** Arguments of KVM_CHECK_EXTENSION and KVM_ENABLE_CAP (linux/kvm.h). */
export const kvmCapability = {
  KVM_CAP_IRQCHIP: 0,
  KVM_CAP_SET_TSS_ADDR: 4,
  KVM_CAP_EXT_CPUID: 7,
  KVM_CAP_PIT2: 33,
  KVM_CAP_SET_IDENTITY_MAP_ADDR: 37,
  KVM_CAP_XEN_HVM: 38,
  KVM_CAP_DEBUGREGS: 50,
  KVM_CAP_GET_TSC_KHZ: 61,
  KVM_CAP_MAX_VCPUS: 66,
  KVM_CAP_TSC_DEADLINE_TIMER: 72,
  KVM_CAP_SYNC_REGS: 74,
  KVM_CAP_IMMEDIATE_EXIT: 136,
  KVM_CAP_X86_USER_SPACE_MSR: 188,
  KVM_CAP_X86_MSR_FILTER: 189,
} as const;

export type KvmCapability = keyof typeof kvmCapability;

/** Bits of kvm_run.kvm_valid_regs and kvm_dirty_regs, and of what KVM_CAP_SYNC_REGS answers (asm/kvm.h). */
export const KVM_SYNC_X86_REGS = 1;
export const KVM_SYNC_X86_SREGS = 2;

/** Argument of KVM_CAP_X86_USER_SPACE_MSR: which refused MSR accesses exit to user space. */
export const KVM_MSR_EXIT_REASON_INVAL = 1;
export const KVM_MSR_EXIT_REASON_UNKNOWN = 2;
export const KVM_MSR_EXIT_REASON_FILTER = 4;

/** kvm_pit_config.flags: port 0x61 is answered by the kernel. */
export const KVM_PIT_SPEAKER_DUMMY = 1;

/** kvm_msr_filter_range.flags. */
export const KVM_MSR_FILTER_READ = 1;
export const KVM_MSR_FILTER_WRITE = 2;

/** kvm_cpuid_entry2.flags: the entry answers one value of ECX only. */
export const KVM_CPUID_FLAG_SIGNIFICANT_INDEX = 1;

/** What KVM_CAP_XEN_HVM answers, and kvm_xen_hvm_config.flags: hypercall instructions exit to user space. */
export const KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL = 2;
