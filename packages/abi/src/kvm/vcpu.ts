import { nested, struct, u8, u32, u64 } from "../struct.ts";
import { kvmDtable, kvmSegment } from "./vm.ts";

/** asm/kvm.h */
export const kvmRegs = struct("kvm_regs", 144, {
  rax: u64(0),
  rbx: u64(8),
  rcx: u64(16),
  rdx: u64(24),
  rsi: u64(32),
  rdi: u64(40),
  rsp: u64(48),
  rbp: u64(56),
  r8: u64(64),
  r9: u64(72),
  r10: u64(80),
  r11: u64(88),
  r12: u64(96),
  r13: u64(104),
  r14: u64(112),
  r15: u64(120),
  rip: u64(128),
  rflags: u64(136),
});

/** asm/kvm.h; the interrupt bitmap at 280 (32 bytes) is left out, so that writing fields never touches it. */
export const kvmSregs = struct("kvm_sregs", 312, {
  cs: nested(0, kvmSegment),
  ds: nested(24, kvmSegment),
  es: nested(48, kvmSegment),
  fs: nested(72, kvmSegment),
  gs: nested(96, kvmSegment),
  ss: nested(120, kvmSegment),
  tr: nested(144, kvmSegment),
  ldt: nested(168, kvmSegment),
  gdt: nested(192, kvmDtable),
  idt: nested(208, kvmDtable),
  cr0: u64(224),
  cr2: u64(232),
  cr3: u64(240),
  cr4: u64(248),
  cr8: u64(256),
  efer: u64(264),
  apic_base: u64(272),
});

/** asm/kvm.h; db0-db3 stand before dr6. */
export const kvmDebugregs = struct("kvm_debugregs", 128, { dr6: u64(32), dr7: u64(40), flags: u64(48) });

/** asm/kvm.h; `nmsrs` entries of {@link kvmMsrEntry} follow. */
export const kvmMsrs = struct("kvm_msrs", 8, { nmsrs: u32(0) });

export const kvmMsrEntry = struct("kvm_msr_entry", 16, { index: u32(0), data: u64(8) });

/** linux/kvm.h */
export const kvmTranslation = struct("kvm_translation", 24, {
  linear_address: u64(0),
  physical_address: u64(8),
  valid: u8(16),
  writeable: u8(17),
  usermode: u8(18),
});

/** asm/kvm.h, as far as NMIs go. */
export const kvmVcpuEvents = struct("kvm_vcpu_events", 64, {
  nmi_injected: u8(12),
  nmi_pending: u8(13),
  nmi_masked: u8(14),
});

/** asm/kvm.h; the first of 16 registers. */
export const kvmXcrs = struct("kvm_xcrs", 392, {
  nr_xcrs: u32(0),
  xcr: u32(8),
  value: u64(16),
});
