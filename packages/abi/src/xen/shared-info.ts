import { array, nested, s8, struct, u8, u32, u64 } from "../struct.ts";

/** vCPUs whose `vcpu_info` stands in the shared_info page (XEN_LEGACY_MAX_VCPUS). */
export const LEGACY_MAX_VCPUS = 32;

/** The paravirtual clock (public/xen.h, `struct vcpu_time_info`). */
export const vcpuTimeInfo = struct("vcpu_time_info", 32, {
  /** Odd while the hypervisor writes. */
  version: u32(0),
  tsc_timestamp: u64(8),
  /** Nanoseconds since the domain began. */
  system_time: u64(16),
  tsc_to_system_mul: u32(24),
  tsc_shift: s8(28),
  flags: u8(29),
});

export const vcpuInfo = struct("vcpu_info", 64, {
  evtchn_upcall_pending: u8(0),
  evtchn_upcall_mask: u8(1),
  evtchn_pending_sel: u64(8),
  arch_cr2: u64(16),
  time: nested(32, vcpuTimeInfo),
});

export const archSharedInfo = struct("arch_shared_info", 48, {
  max_pfn: u64(0),
  pfn_to_mfn_frame_list_list: u64(8),
  nmi_reason: u64(16),
  p2m_cr3: u64(24),
  p2m_vaddr: u64(32),
  p2m_generation: u64(40),
});

/** `struct shared_info` of 64-bit guests (public/xen.h, public/arch-x86/xen.h). */
export const sharedInfo = struct("shared_info", 3136, {
  vcpu_info: array(0, LEGACY_MAX_VCPUS, vcpuInfo.size, (at) => nested(at, vcpuInfo)),
  /** One bit for each event channel port. */
  evtchn_pending: array(2048, 64, 8, u64),
  evtchn_mask: array(2560, 64, 8, u64),
  wc_version: u32(3072),
  wc_sec: u32(3076),
  wc_nsec: u32(3080),
  wc_sec_hi: u32(3084),
  arch: nested(3088, archSharedInfo),
});
