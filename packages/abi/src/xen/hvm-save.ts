import { array, bytes, struct, u16, u32, u64 } from "../struct.ts";

/**
 * The state of an HVM container's devices and vCPUs as XEN_DOMCTL_gethvmcontext and sethvmcontext carry it: records, each
 * after a descriptor, from HEADER to END (public/hvm/save.h, public/arch-x86/hvm/save.h).
 */

export const HVM_FILE_MAGIC = 0x54381286;
export const HVM_FILE_VERSION = 1;

/** `typecode` of the records that a builder touches. */
export const HVM_SAVE_CODE = { END: 0, HEADER: 1, CPU: 2, MTRR: 14 } as const;

/** What stands before each record. */
export const hvmSaveDescriptor = struct("hvm_save_descriptor", 8, {
  typecode: u16(0),
  /** The vCPU, for records of vCPUs. */
  instance: u16(2),
  /** Bytes that follow. */
  length: u32(4),
});

export const hvmSaveHeader = struct("hvm_save_header", 24, {
  magic: u32(0),
  version: u32(4),
  changeset: u64(8),
  cpuid: u32(16),
  /** When not 0 it sets the domain's TSC frequency. */
  gtsc_khz: u32(20),
});

/** A vCPU's registers. Attributes (`arbytes`) are packed as in x86/segment.ts. */
export const hvmHwCpu = struct("hvm_hw_cpu", 1032, {
  /** An FXSAVE image; looked at only when `flags` has XEN_X86_FPU_INITIALISED. */
  fpu_regs: bytes(0, 512),
  rax: u64(512),
  rbx: u64(520),
  rcx: u64(528),
  rdx: u64(536),
  rbp: u64(544),
  rsi: u64(552),
  rdi: u64(560),
  rsp: u64(568),
  r8: u64(576),
  r9: u64(584),
  r10: u64(592),
  r11: u64(600),
  r12: u64(608),
  r13: u64(616),
  r14: u64(624),
  r15: u64(632),
  rip: u64(640),
  rflags: u64(648),
  cr0: u64(656),
  cr2: u64(664),
  cr3: u64(672),
  cr4: u64(680),
  dr0: u64(688),
  dr1: u64(696),
  dr2: u64(704),
  dr3: u64(712),
  dr6: u64(720),
  dr7: u64(728),
  cs_sel: u32(736),
  ds_sel: u32(740),
  es_sel: u32(744),
  fs_sel: u32(748),
  gs_sel: u32(752),
  ss_sel: u32(756),
  tr_sel: u32(760),
  ldtr_sel: u32(764),
  cs_limit: u32(768),
  ds_limit: u32(772),
  es_limit: u32(776),
  fs_limit: u32(780),
  gs_limit: u32(784),
  ss_limit: u32(788),
  tr_limit: u32(792),
  ldtr_limit: u32(796),
  idtr_limit: u32(800),
  gdtr_limit: u32(804),
  cs_base: u64(808),
  ds_base: u64(816),
  es_base: u64(824),
  fs_base: u64(832),
  gs_base: u64(840),
  ss_base: u64(848),
  tr_base: u64(856),
  ldtr_base: u64(864),
  idtr_base: u64(872),
  gdtr_base: u64(880),
  cs_arbytes: u32(888),
  ds_arbytes: u32(892),
  es_arbytes: u32(896),
  fs_arbytes: u32(900),
  gs_arbytes: u32(904),
  ss_arbytes: u32(908),
  tr_arbytes: u32(912),
  ldtr_arbytes: u32(916),
  sysenter_cs: u64(920),
  sysenter_esp: u64(928),
  sysenter_eip: u64(936),
  /** KERNEL_GS_BASE. */
  shadow_gs: u64(944),
  msr_flags: u64(952),
  msr_lstar: u64(960),
  msr_star: u64(968),
  msr_cstar: u64(976),
  msr_syscall_mask: u64(984),
  msr_efer: u64(992),
  msr_tsc_aux: u64(1000),
  /** What RDTSC would return. */
  tsc: u64(1008),
  pending_event: u32(1016),
  error_code: u32(1020),
  flags: u32(1024),
  /** Must be 0. */
  pad0: u32(1028),
});
export const XEN_X86_FPU_INITIALISED = 1;

/** A vCPU's PAT and memory type range registers. */
export const hvmHwMtrr = struct("hvm_hw_mtrr", 240, {
  msr_pat_cr: u64(0),
  /** Base and mask, eight times. */
  msr_mtrr_var: array(8, 16, 8, u64),
  msr_mtrr_fixed: array(136, 11, 8, u64),
  msr_mtrr_cap: u64(224),
  msr_mtrr_def_type: u64(232),
});

/** Bits of MTRR_DEF_TYPE (SDM volume 3, 11.11.2.1): the type of memory outside all ranges, and whether ranges are on. */
export const MTRR_DEF_TYPE = { WRITE_BACK: 6n, ENABLE: 1n << 11n } as const;
