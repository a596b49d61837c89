import { bytes, struct, u8, u16, u32, u64 } from "../struct.ts";

/** linux/kvm.h */
export const kvmUserspaceMemoryRegion = struct("kvm_userspace_memory_region", 32, {
  slot: u32(0),
  flags: u32(4),
  guest_phys_addr: u64(8),
  memory_size: u64(16),
  userspace_addr: u64(24),
});

/** linux/kvm.h; `args` are u64. */
export const kvmEnableCap = struct("kvm_enable_cap", 104, {
  cap: u32(0),
  flags: u32(4),
  args: bytes(8, 32),
});

/** asm/kvm.h */
export const kvmPitConfig = struct("kvm_pit_config", 64, { flags: u32(0) });

/** linux/kvm.h; level 1 asserts the line. */
export const kvmIrqLevel = struct("kvm_irq_level", 8, { irq: u32(0), level: u32(4) });

/** asm/kvm.h; `bitmap` is a host address, one bit for each MSR, 1 = the kernel handles it. */
export const kvmMsrFilterRange = struct("kvm_msr_filter_range", 24, {
  flags: u32(0),
  nmsrs: u32(4),
  base: u32(8),
  bitmap: u64(16),
});

/** asm/kvm.h; 16 ranges of 24 bytes from `ranges` on. flags 0: MSRs outside every range are the kernel's. */
export const kvmMsrFilter = struct("kvm_msr_filter", 392, { flags: u32(0), ranges: bytes(8, 384) });

/** asm/kvm.h; entries of {@link kvmCpuidEntry} follow. */
export const kvmCpuid2 = struct("kvm_cpuid2", 8, { nent: u32(0) });

export const kvmCpuidEntry = struct("kvm_cpuid_entry2", 40, {
  function: u32(0),
  index: u32(4),
  flags: u32(8),
  eax: u32(12),
  ebx: u32(16),
  ecx: u32(20),
  edx: u32(24),
});

/** A CPUID leaf as {@link kvmCpuidEntry} decodes it. */
export type CpuidEntry = ReturnType<typeof kvmCpuidEntry.decode>;

/** asm/kvm.h: one segment register; `unusable` 1 stands for a null segment. */
export const kvmSegment = struct("kvm_segment", 24, {
  base: u64(0),
  limit: u32(8),
  selector: u16(12),
  type: u8(14),
  present: u8(15),
  dpl: u8(16),
  db: u8(17),
  s: u8(18),
  l: u8(19),
  g: u8(20),
  avl: u8(21),
  unusable: u8(22),
});

/** asm/kvm.h */
export const kvmDtable = struct("kvm_dtable", 16, { base: u64(0), limit: u16(8) });

/** asm/kvm.h; what only hypercall pages of the kernel's making need is left out. */
export const kvmXenHvmConfig = struct("kvm_xen_hvm_config", 56, {
  flags: u32(0),
  msr: u32(4),
});
