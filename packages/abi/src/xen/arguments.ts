import { array, struct, u8, u16, u32, u64 } from "../struct.ts";

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

/** SCHEDOP_poll; `timeout` is an absolute time in ns, 0 for none. */
export const schedPoll = struct("sched_poll", 24, { ports: u64(0), nr_ports: u32(8), timeout: u64(16) });
export const schedPoll32 = struct("compat_sched_poll", 16, {
  ports: u32(0),
  nr_ports: u32(4),
  timeout: u64(8),
});

/** SCHEDOP_watchdog; `timeout` in seconds. */
export const schedWatchdog = struct("sched_watchdog", 8, { id: u32(0), timeout: u32(4) });

/** XENMEM_increase_reservation, decrease_reservation and populate_physmap (public/memory.h). */
export const xenMemoryReservation = struct("xen_memory_reservation", 32, {
  extent_start: u64(0),
  nr_extents: u64(8),
  extent_order: u32(16),
  mem_flags: u32(20),
  domid: u16(24),
});
export const xenMemoryReservation32 = struct("compat_memory_reservation", 20, {
  extent_start: u32(0),
  nr_extents: u32(4),
  extent_order: u32(8),
  mem_flags: u32(12),
  domid: u16(16),
});

export const xenAddToPhysmap32 = struct("compat_add_to_physmap", 16, {
  domid: u16(0),
  size: u16(2),
  space: u32(4),
  idx: u32(8),
  gpfn: u32(12),
});

export const xenRemoveFromPhysmap = struct("xen_remove_from_physmap", 16, { domid: u16(0), gpfn: u64(8) });
export const xenRemoveFromPhysmap32 = struct("compat_remove_from_physmap", 8, {
  domid: u16(0),
  gpfn: u32(4),
});

export const xenAddToPhysmapBatch = struct("xen_add_to_physmap_batch", 32, {
  domid: u16(0),
  space: u16(2),
  size: u16(4),
  extra: u16(6),
  idxs: u64(8),
  gpfns: u64(16),
  errs: u64(24),
});
export const xenAddToPhysmapBatch32 = struct("compat_add_to_physmap_batch", 20, {
  domid: u16(0),
  space: u16(2),
  size: u16(4),
  extra: u16(6),
  idxs: u32(8),
  gpfns: u32(12),
  errs: u32(16),
});

/** mmuext_op; what `arg1` and `arg2` mean depends on the command (public/xen.h). */
export const mmuextOp = struct("mmuext_op", 24, { cmd: u32(0), arg1: u64(8), arg2: u64(16) });

/** multicall (public/xen.h). */
export const multicallEntry = struct("multicall_entry", 64, {
  op: u64(0),
  result: u64(8),
  args: array(16, 6, 8, u64),
});
export const multicallEntry32 = struct("compat_multicall_entry", 32, {
  op: u32(0),
  result: u32(4),
  args: array(8, 6, 4, u32),
});

/** VCPUOP_get_runstate_info (public/vcpu.h). */
export const vcpuRunstateInfo = struct("vcpu_runstate_info", 48, {
  state: u32(0),
  state_entry_time: u64(8),
  time: array(16, 4, 8, u64),
});
export const vcpuRunstateInfo32 = struct("compat_vcpu_runstate_info", 44, {
  state: u32(0),
  state_entry_time: u64(4),
  time: array(12, 4, 8, u64),
});

export const vcpuSetSingleshotTimer = struct("vcpu_set_singleshot_timer", 16, {
  timeout_abs_ns: u64(0),
  flags: u32(8),
});

export const vcpuRegisterVcpuInfo = struct("vcpu_register_vcpu_info", 16, { mfn: u64(0), offset: u32(8) });

export const xenHvmEvtchnUpcallVector = struct("xen_hvm_evtchn_upcall_vector", 8, {
  vcpu: u32(0),
  vector: u8(4),
});

/** public/event_channel.h */
export const evtchnAllocUnbound = struct("evtchn_alloc_unbound", 8, {
  dom: u16(0),
  remote_dom: u16(2),
  port: u32(4),
});
export const evtchnBindInterdomain = struct("evtchn_bind_interdomain", 12, {
  remote_dom: u16(0),
  remote_port: u32(4),
  local_port: u32(8),
});
export const evtchnBindVirq = struct("evtchn_bind_virq", 12, { virq: u32(0), vcpu: u32(4), port: u32(8) });
export const evtchnBindIpi = struct("evtchn_bind_ipi", 8, { vcpu: u32(0), port: u32(4) });
/** What `remote_dom` and `value` mean depends on the status. */
export const evtchnStatus = struct("evtchn_status", 24, {
  dom: u16(0),
  port: u32(4),
  status: u32(8),
  vcpu: u32(12),
  remote_dom: u16(16),
  value: u32(20),
});
export const evtchnBindVcpu = struct("evtchn_bind_vcpu", 8, { port: u32(0), vcpu: u32(4) });
export const evtchnInitControl = struct("evtchn_init_control", 24, {
  control_gfn: u64(0),
  offset: u32(8),
  vcpu: u32(12),
  link_bits: u8(16),
});
export const evtchnSetPriority = struct("evtchn_set_priority", 8, { port: u32(0), priority: u32(4) });
