import { bytes, struct, u8, u16, u32, u64 } from "../struct.ts";

/**
 * What a toolstack hands to the hypervisor and gets from it (public/domctl.h, public/sysctl.h). These structures are
 * not part of the guest ABI and may change with every release; see {@link createDomainLayout}.
 */

/** `flags` of xen_domctl_createdomain. */
export const CDF = { hvm: 1 << 0, hap: 1 << 1, oos_off: 1 << 3 } as const;

/** `arch.emulation_flags`: a PVH guest has the local APIC and nothing else. */
export const XEN_X86_EMU = { LAPIC: 1 << 0 } as const;

/** `arch.misc_flags`: reads of unknown MSRs give 0 instead of a fault. */
export const XEN_X86_MISC = { MSR_RELAXED: 1 << 0 } as const;

const head = {
  ssidref: u32(0),
  /** The uuid, first digits first. */
  handle: bytes(4, 16),
  flags: u32(20),
  iommu_opts: u32(24),
  max_vcpus: u32(28),
  max_evtchn_port: u32(32),
  /** Signed: -1 is the hypervisor's default. */
  max_grant_frames: u32(36),
  max_maptrack_frames: u32(40),
  /** Bits 0-3: the latest version of grant tables. */
  grant_opts: u32(44),
};

/** Xen 4.17 and 4.18. */
export const createDomain4_17 = struct("xen_domctl_createdomain", 64, {
  ...head,
  vmtrace_size: u32(48),
  cpupool_id: u32(52),
  emulation_flags: u32(56),
  misc_flags: u32(60),
});

/** Xen 4.19 to 4.22; 4.21 splits `altp2m_opts` into two halves that are zero alike. */
export const createDomain4_19 = struct("xen_domctl_createdomain", 68, {
  ...head,
  altp2m_opts: u32(48),
  vmtrace_size: u32(52),
  cpupool_id: u32(56),
  emulation_flags: u32(60),
  misc_flags: u32(64),
});

/** `flags` of xen_domctl_getdomaininfo; the shutdown reason is in bits 16-23. */
export const DOMINF = {
  dying: 1 << 0,
  hvm_guest: 1 << 1,
  shutdown: 1 << 2,
  paused: 1 << 3,
  blocked: 1 << 4,
  running: 1 << 5,
} as const;
export const DOMINF_SHUTDOWN_SHIFT = 16;
export const DOMINF_SHUTDOWN_MASK = 255;

/** xen_domctl_getdomaininfo; the same from 4.17 to 4.22. */
export const domainInfo = struct("xen_domctl_getdomaininfo", 112, {
  domain: u16(0),
  flags: u32(4),
  tot_pages: u64(8),
  max_pages: u64(16),
  outstanding_pages: u64(24),
  shr_pages: u64(32),
  paged_pages: u64(40),
  shared_info_frame: u64(48),
  /** Nanoseconds. */
  cpu_time: u64(56),
  nr_online_vcpus: u32(64),
  max_vcpu_id: u32(68),
  ssidref: u32(72),
  handle: bytes(76, 16),
  cpupool: u32(92),
  gpaddr_bits: u8(96),
});

/** `capabilities` of xen_sysctl_physinfo. */
export const PHYSCAP = {
  hvm: 1 << 0,
  pv: 1 << 1,
  hap: 1 << 3,
  gnttab_v1: 1 << 8,
  gnttab_v2: 1 << 9,
} as const;

/** xen_sysctl_physinfo; the same from 4.17 to 4.22. */
export const physInfo = struct("xen_sysctl_physinfo", 112, {
  threads_per_core: u32(0),
  cores_per_socket: u32(4),
  nr_cpus: u32(8),
  max_cpu_id: u32(12),
  nr_nodes: u32(16),
  max_node_id: u32(20),
  cpu_khz: u32(24),
  capabilities: u32(28),
  arch_capabilities: u32(32),
  total_pages: u64(40),
  free_pages: u64(48),
  scrub_pages: u64(56),
  outstanding_pages: u64(64),
  max_mfn: u64(72),
});

/** xc_cpupoolinfo_t of libxenctrl. */
export const cpupoolInfo = struct("xc_cpupoolinfo_t", 24, {
  cpupool_id: u32(0),
  sched_id: u32(4),
  n_dom: u32(8),
  /** Address of a bitmap of xc_get_cpumap_size() bytes. */
  cpumap: u64(16),
});

/** Names of the schedulers, as `xl cpupool-list` has them, by XEN_SCHEDULER_*. */
export const SCHEDULERS: Readonly<Record<number, string>> = {
  5: "credit",
  6: "credit2",
  7: "arinc653",
  8: "rtds",
  9: "null",
};

/** `trigger` of XEN_DOMCTL_sendtrigger. */
export const SENDTRIGGER = { nmi: 0, reset: 1, init: 2, power: 3, sleep: 4 } as const;

/** `flags` of xen_domctl_vcpuaffinity: which of the two sets the call is about. */
export const VCPUAFFINITY = { HARD: 1 << 0, SOFT: 1 << 1 } as const;

/** xen_domctl_sched_credit, and xen_domctl_sched_credit2, which has the same fields. */
export const schedCredit = struct("xen_domctl_sched_credit", 4, {
  weight: u16(0),
  /** Percent of one CPU; 0 is no limit. */
  cap: u16(2),
});
