/**
 * Offsets in `struct kvm_run` (linux/kvm.h), the page that KVM and user space share for each vCPU. They are plain
 * numbers, not a codec, because the run loop reads them once for each exit through views made in advance.
 */
export const kvmRun = {
  /** u8: KVM_RUN ends as soon as the guest can take an interrupt. */
  request_interrupt_window: 0,
  /** u8: KVM_RUN returns EINTR at once while it is 1. */
  immediate_exit: 1,
  ready_for_interrupt_injection: 12,
  if_flag: 13,
  /** u32 */
  exit_reason: 8,
  /** u64: the task priority, where the local APIC is not the kernel's. */
  cr8: 16,
  /** KVM_EXIT_UNKNOWN, KVM_EXIT_FAIL_ENTRY: u64 */
  hardware_reason: 0x20,
  io: { direction: 0x20, size: 0x21, port: 0x22, count: 0x24, data_offset: 0x28 },
  mmio: { phys_addr: 0x20, data: 0x28, len: 0x30, is_write: 0x34 },
  /** KVM_EXIT_INTERNAL_ERROR; `data` are `ndata` u64. */
  internal: { suberror: 0x20, ndata: 0x24, data: 0x28 },
  /** suberror KVM_INTERNAL_ERROR_EMULATION: the same bytes when `flags` bit 0 is set. */
  emulation_failure: { flags: 0x28, insn_size: 0x30, insn_bytes: 0x31 },
  system_event: { type: 0x20 },
  /** KVM_EXIT_XEN, a hypercall: u64 each. */
  xen: { input: 0x30, result: 0x38 },
  msr: { error: 0x20, reason: 0x28, index: 0x2c, data: 0x30 },
  kvm_valid_regs: 0x120,
  kvm_dirty_regs: 0x128,
  /** kvm_regs */
  regs: 0x130,
  /** kvm_sregs */
  sregs: 0x1c0,
} as const;

/** kvm_run.io.direction */
export const KVM_EXIT_IO_OUT = 1;

export const KVM_INTERNAL_ERROR_EMULATION = 1;

/** kvm_run.exit_reason */
export const kvmExit = {
  KVM_EXIT_UNKNOWN: 0,
  KVM_EXIT_EXCEPTION: 1,
  KVM_EXIT_IO: 2,
  KVM_EXIT_HYPERCALL: 3,
  KVM_EXIT_DEBUG: 4,
  KVM_EXIT_HLT: 5,
  KVM_EXIT_MMIO: 6,
  KVM_EXIT_IRQ_WINDOW_OPEN: 7,
  KVM_EXIT_SHUTDOWN: 8,
  KVM_EXIT_FAIL_ENTRY: 9,
  KVM_EXIT_INTR: 10,
  KVM_EXIT_SET_TPR: 11,
  KVM_EXIT_INTERNAL_ERROR: 17,
  KVM_EXIT_SYSTEM_EVENT: 24,
  KVM_EXIT_X86_RDMSR: 29,
  KVM_EXIT_X86_WRMSR: 30,
  KVM_EXIT_XEN: 34,
} as const;

/** kvm_run.system_event.type */
export const kvmSystemEvent = {
  KVM_SYSTEM_EVENT_SHUTDOWN: 1,
  KVM_SYSTEM_EVENT_RESET: 2,
  KVM_SYSTEM_EVENT_CRASH: 3,
} as const;
