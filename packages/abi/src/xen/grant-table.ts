import { s16, struct, u16, u32, u64 } from "../struct.ts";

/** Structures and numbers of public/grant_table.h. */

/** Flags of a version 1 entry. */
export const GTF = {
  type_mask: 3,
  permit_access: 1,
  accept_transfer: 2,
  readonly: 1 << 2,
  reading: 1 << 3,
  writing: 1 << 4,
} as const;

/** References that the toolstack fills in. */
export const GNTTAB_RESERVED = { CONSOLE: 0, XENSTORE: 1 } as const;

export const GNTMAP = {
  device_map: 1,
  host_map: 2,
  readonly: 4,
  application_map: 8,
  contains_pte: 16,
} as const;

export const GNTCOPY = { source_gref: 1, dest_gref: 2 } as const;

/** Status of each operation; 0 is success. */
export const GNTST = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  bad_virt_addr: -5,
  bad_dev_addr: -6,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
  bad_copy_arg: -10,
  address_too_big: -11,
  eagain: -12,
  no_space: -13,
} as const;

export const grantEntryV1 = struct("grant_entry_v1", 8, { flags: u16(0), domid: u16(2), frame: u32(4) });

export const gnttabMapGrantRef = struct("gnttab_map_grant_ref", 32, {
  host_addr: u64(0),
  flags: u32(8),
  ref: u32(12),
  dom: u16(16),
  status: s16(18),
  handle: u32(20),
  dev_bus_addr: u64(24),
});

export const gnttabUnmapGrantRef = struct("gnttab_unmap_grant_ref", 24, {
  host_addr: u64(0),
  dev_bus_addr: u64(8),
  handle: u32(16),
  status: s16(20),
});

export const gnttabSetupTable = struct("gnttab_setup_table", 24, {
  dom: u16(0),
  nr_frames: u32(4),
  status: s16(8),
  frame_list: u64(16),
});

/** The same for 32-bit guests. */
export const gnttabSetupTable32 = struct("compat_gnttab_setup_table", 16, {
  dom: u16(0),
  nr_frames: u32(4),
  status: s16(8),
  frame_list: u32(12),
});

/** `source` and `dest` are a reference (u32) or a frame (an unsigned long), by flag. */
export const gnttabCopy = struct("gnttab_copy", 40, {
  source: u64(0),
  source_domid: u16(8),
  source_offset: u16(10),
  dest: u64(16),
  dest_domid: u16(24),
  dest_offset: u16(26),
  len: u16(32),
  flags: u16(34),
  status: s16(36),
});

export const gnttabCopy32 = struct("compat_gnttab_copy", 24, {
  source: u32(0),
  source_domid: u16(4),
  source_offset: u16(6),
  dest: u32(8),
  dest_domid: u16(12),
  dest_offset: u16(14),
  len: u16(16),
  flags: u16(18),
  status: s16(20),
});

export const gnttabQuerySize = struct("gnttab_query_size", 16, {
  dom: u16(0),
  nr_frames: u32(4),
  max_nr_frames: u32(8),
  status: s16(12),
});

export const gnttabSetVersion = struct("gnttab_set_version", 4, { version: u32(0) });

export const gnttabGetVersion = struct("gnttab_get_version", 8, { dom: u16(0), version: u32(4) });

export const gnttabSwapGrantRef = struct("gnttab_swap_grant_ref", 12, {
  ref_a: u32(0),
  ref_b: u32(4),
  status: s16(8),
});
