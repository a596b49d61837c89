import { bytes, struct, u16, u32, u64 } from "../struct.ts";

/**
 * The state of a domain as tools write it: what libxenguest is called with (xenguest.h), and the formats of its stream and
 * of those around it (docs/specs/libxc-migration-stream, docs/specs/libxl-migration-stream, tools/xl/xl.h). All of it is
 * the same from 4.17 to 4.22.
 */

/** `flags` of xc_domain_save. */
export const XCFLAGS = { LIVE: 1 << 0 } as const;

/** Kinds of streams: without checkpoints for a second machine. */
export const XC_STREAM_PLAIN = 0;

/** Addresses of functions, or 0; `data` is the last argument of each. */
export const saveCallbacks = struct("save_callbacks", 56, {
  suspend: u64(0),
  precopy_policy: u64(8),
  postcopy: u64(16),
  checkpoint: u64(24),
  wait_checkpoint: u64(32),
  switch_qemu_logdirty: u64(40),
  data: u64(48),
});

export const restoreCallbacks = struct("restore_callbacks", 56, {
  static_data_done: u64(0),
  suspend: u64(8),
  postcopy: u64(16),
  checkpoint: u64(24),
  wait_checkpoint: u64(32),
  restore_results: u64(40),
  data: u64(48),
});

/** What `static_data_done` is told that the stream lacks. */
export const XGR_SDD_MISSING = { CPUID: 1 << 0, MSR: 1 << 1 } as const;

/** The beginning of a file of `xl save`; `optional_data_len` bytes follow, of which a reader may skip the tail. */
export const xlSaveHeader = struct("save_file_header", 48, {
  magic: bytes(0, 32),
  byteorder: u32(32),
  mandatory_flags: u32(36),
  optional_flags: u32(40),
  optional_data_len: u32(44),
});
export const XL_SAVE_MAGIC = "Xen saved domain, xl format\n \0 \r";
export const XL_SAVE_BYTE_ORDER = 0x01020304;
export const XL_SAVE_MANDATORY = { CONFIG_IS_JSON: 1 << 0, STREAM_V2: 1 << 1 } as const;

/** The header of libxl's stream, big-endian: ident u64, version u32, options u32. */
export const LIBXL_STREAM = {
  headerSize: 16,
  /** "LibxlFmt" */
  ident: 0x4c6962786c466d74n,
  version: 2,
  options: { BIG_ENDIAN: 1 << 0, CONVERTED: 1 << 1 },
} as const;

/** Records of libxl's stream; libxenguest's own stream stands behind LIBXC_CONTEXT. */
export const LIBXL_RECORD = {
  END: 0,
  LIBXC_CONTEXT: 1,
  EMULATOR_XENSTORE_DATA: 2,
  EMULATOR_CONTEXT: 3,
  CHECKPOINT_END: 4,
  CHECKPOINT_STATE: 5,
} as const;

/** The header of libxenguest's stream, big-endian: marker u64, id u32, version u32, options u16, 6 bytes of nothing. */
export const LIBXC_IMAGE = {
  headerSize: 24,
  marker: 0xffff_ffff_ffff_ffffn,
  /** "XENF" */
  id: 0x58454e46,
  /** The first has no STATIC_DATA_END. */
  versions: [2, 3],
  options: { BIG_ENDIAN: 1 << 0 },
} as const;

/** What follows that header. */
export const libxcDomainHeader = struct("xc_sr_dhdr", 16, {
  type: u32(0),
  page_shift: u16(4),
  xen_major: u32(8),
  xen_minor: u32(12),
});
export const LIBXC_DOMAIN_TYPE = { X86_PV: 1, X86_HVM: 2 } as const;

export const LIBXC_RECORD = {
  END: 0x00,
  PAGE_DATA: 0x01,
  X86_TSC_INFO: 0x08,
  HVM_CONTEXT: 0x09,
  HVM_PARAMS: 0x0a,
  STATIC_DATA_END: 0x10,
  X86_CPUID_POLICY: 0x11,
  X86_MSR_POLICY: 0x12,
} as const;

/** Head of a record in both streams; the body is padded to 8 bytes. */
export const streamRecord = struct("xc_sr_rhdr", 8, { type: u32(0), length: u32(4) });
/** Of a record's type: a reader that does not know it may skip it. */
export const STREAM_RECORD_OPTIONAL = 0x8000_0000;
/** Bytes of a record of libxenguest at most (REC_LENGTH_MAX). */
export const LIBXC_RECORD_MAX = 128 << 20;

/** Head of PAGE_DATA: as many frames as `count`, 8 bytes each, and then the pages of those that have one. */
export const pageDataHead = struct("xc_sr_rec_page_data_header", 8, { count: u32(0) });
/** Of a frame in PAGE_DATA, in the upper 32 of its 64 bits: what kind of page it is, and the upper part of its number. */
export const PAGE_DATA = {
  typeShift: 28,
  frameMask: 0xfffff,
  /** From this kind on (BROKEN, XALLOC, XTAB) no page follows. */
  firstWithoutData: 0xd,
} as const;
