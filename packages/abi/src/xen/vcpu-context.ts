import { array, bytes, nested, struct, u8, u16, u32, u64 } from "../struct.ts";

/** `vcpu_guest_context.flags` (public/arch-x86/xen.h). */
export const VGCF = { i387_valid: 1 << 0, in_kernel: 1 << 2, online: 1 << 5 } as const;

/** `struct cpu_user_regs` of 64-bit guests (public/arch-x86/xen-x86_64.h). */
export const cpuUserRegs = struct("cpu_user_regs", 200, {
  r15: u64(0),
  r14: u64(8),
  r13: u64(16),
  r12: u64(24),
  rbp: u64(32),
  rbx: u64(40),
  r11: u64(48),
  r10: u64(56),
  r9: u64(64),
  r8: u64(72),
  rax: u64(80),
  rcx: u64(88),
  rdx: u64(96),
  rsi: u64(104),
  rdi: u64(112),
  error_code: u32(120),
  entry_vector: u32(124),
  rip: u64(128),
  cs: u16(136),
  saved_upcall_mask: u8(140),
  rflags: u64(144),
  rsp: u64(152),
  ss: u16(160),
  es: u16(168),
  ds: u16(176),
  fs: u16(184),
  gs: u16(192),
});

/**
 * What a classic guest passes to VCPUOP_initialise, and a toolstack to setvcpucontext
 * (public/arch-x86/xen.h, `struct vcpu_guest_context` of 64-bit guests).
 */
export const vcpuGuestContext = struct("vcpu_guest_context", 5168, {
  fpu_ctxt: bytes(0, 512),
  flags: u64(512),
  user_regs: nested(520, cpuUserRegs),
  /** 256 entries of 16 bytes. */
  trap_ctxt: bytes(720, 4096),
  ldt_base: u64(4816),
  ldt_ents: u64(4824),
  gdt_frames: array(4832, 16, 8, u64),
  gdt_ents: u64(4960),
  kernel_ss: u64(4968),
  kernel_sp: u64(4976),
  ctrlreg: array(4984, 8, 8, u64),
  debugreg: array(5048, 8, 8, u64),
  event_callback_eip: u64(5112),
  failsafe_callback_eip: u64(5120),
  syscall_callback_eip: u64(5128),
  vm_assist: u64(5136),
  fs_base: u64(5144),
  gs_base_kernel: u64(5152),
  gs_base_user: u64(5160),
});

/** `vcpu_hvm_context.mode` (public/hvm/hvm_vcpu.h). */
export const VCPU_HVM_MODE = { MODE_32B: 0, MODE_64B: 1 } as const;

export const vcpuHvmX86_32 = struct("vcpu_hvm_x86_32", 120, {
  eax: u32(0),
  ecx: u32(4),
  edx: u32(8),
  ebx: u32(12),
  esp: u32(16),
  ebp: u32(20),
  esi: u32(24),
  edi: u32(28),
  eip: u32(32),
  eflags: u32(36),
  cr0: u32(40),
  cr3: u32(44),
  cr4: u32(48),
  pad1: u32(52),
  efer: u64(56),
  cs_base: u32(64),
  ds_base: u32(68),
  ss_base: u32(72),
  es_base: u32(76),
  tr_base: u32(80),
  cs_limit: u32(84),
  ds_limit: u32(88),
  ss_limit: u32(92),
  es_limit: u32(96),
  tr_limit: u32(100),
  /** Attributes are packed as in x86/segment.ts. */
  cs_ar: u16(104),
  ds_ar: u16(106),
  ss_ar: u16(108),
  es_ar: u16(110),
  tr_ar: u16(112),
  pad2: array(114, 3, 2, u16),
});

export const vcpuHvmX86_64 = struct("vcpu_hvm_x86_64", 112, {
  rax: u64(0),
  rcx: u64(8),
  rdx: u64(16),
  rbx: u64(24),
  rsp: u64(32),
  rbp: u64(40),
  rsi: u64(48),
  rdi: u64(56),
  rip: u64(64),
  rflags: u64(72),
  cr0: u64(80),
  cr3: u64(88),
  cr4: u64(96),
  efer: u64(104),
});

/** What a direct guest passes to VCPUOP_initialise. `cpu_regs` is one of the two structures above, by `mode`. */
export const vcpuHvmContext = struct("vcpu_hvm_context", 128, {
  mode: u32(0),
  pad: u32(4),
  cpu_regs: bytes(8, 120),
});
