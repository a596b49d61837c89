import { struct, u16, u32, u64 } from "../struct.ts";

/** Argument structures of hypercalls, as 64-bit guests lay them out; a guest handle is a virtual address. */

/** XENMEM_memory_map (public/memory.h). */
export const xenMemoryMap = struct("xen_memory_map", 16, {
  /** In: capacity of the buffer. Out: entries written. */
  nr_entries: u32(0),
  /** Address of `e820entry`s. */
  buffer: u64(8),
});

/** The same for 32-bit guests. */
export const xenMemoryMap32 = struct("compat_memory_map", 8, {
  nr_entries: u32(0),
  buffer: u32(4),
});

/** XENMEM_add_to_physmap (public/memory.h). */
export const xenAddToPhysmap = struct("xen_add_to_physmap", 24, {
  domid: u16(0),
  size: u16(2),
  space: u32(4),
  idx: u64(8),
  gpfn: u64(16),
});

/** HVMOP_set_param, HVMOP_get_param (public/hvm/hvm_op.h). */
export const xenHvmParam = struct("xen_hvm_param", 16, {
  domid: u16(0),
  index: u32(4),
  value: u64(8),
});

/** XENVER_get_features (public/version.h). */
export const xenFeatureInfo = struct("xen_feature_info", 8, {
  submap_idx: u32(0),
  submap: u32(4),
});

/** SCHEDOP_shutdown (public/sched.h). */
export const schedShutdown = struct("sched_shutdown", 4, { reason: u32(0) });
