import { array, s16, struct, u8, u16, u32, u64 } from "../../struct.ts";

/** Structures and numbers of public/io/blkif.h and the names of public/io/protocols.h. */

/** Values of a front end's node `protocol`. */
export const XEN_IO_PROTO_ABI = { X86_32: "x86_32-abi", X86_64: "x86_64-abi" } as const;

export const BLKIF_OP = {
  READ: 0,
  WRITE: 1,
  WRITE_BARRIER: 2,
  FLUSH_DISKCACHE: 3,
  RESERVED_1: 4,
  DISCARD: 5,
  INDIRECT: 6,
} as const;

export const BLKIF_RSP = { OKAY: 0, ERROR: -1, EOPNOTSUPP: -2 } as const;

export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
export const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST = 8;

/** Bits of a back end's node `info`. */
export const VDISK = { CDROM: 1, REMOVABLE: 2, READONLY: 4 } as const;

/** A stretch of sectors (512 bytes, both ends inclusive) in a granted page; indirect pages are arrays of it. */
export const blkifRequestSegment = struct("blkif_request_segment", 8, {
  gref: u32(0),
  first_sect: u8(4),
  last_sect: u8(5),
});

/** Layouts where 64-bit integers are aligned to 8 bytes: `x86_64-abi`, and ours. */
export const blkifRequest64 = struct("blkif_request", 112, {
  operation: u8(0),
  nr_segments: u8(1),
  handle: u16(2),
  id: u64(8),
  sector_number: u64(16),
  seg: array(24, BLKIF_MAX_SEGMENTS_PER_REQUEST, blkifRequestSegment.size, (at) => u64(at)),
});

export const blkifRequestDiscard64 = struct("blkif_request_discard", 32, {
  operation: u8(0),
  flag: u8(1),
  handle: u16(2),
  id: u64(8),
  sector_number: u64(16),
  nr_sectors: u64(24),
});

export const blkifRequestIndirect64 = struct("blkif_request_indirect", 64, {
  operation: u8(0),
  indirect_op: u8(1),
  nr_segments: u16(2),
  id: u64(8),
  sector_number: u64(16),
  handle: u16(24),
  indirect_grefs: array(28, BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, 4, u32),
});

export const blkifResponse64 = struct("blkif_response", 16, {
  id: u64(0),
  operation: u8(8),
  status: s16(10),
});

/** Layouts where 64-bit integers are aligned to 4 bytes: `x86_32-abi`. */
export const blkifRequest32 = struct("blkif_request", 108, {
  operation: u8(0),
  nr_segments: u8(1),
  handle: u16(2),
  id: u64(4),
  sector_number: u64(12),
  seg: array(20, BLKIF_MAX_SEGMENTS_PER_REQUEST, blkifRequestSegment.size, (at) => u64(at)),
});

export const blkifRequestDiscard32 = struct("blkif_request_discard", 28, {
  operation: u8(0),
  flag: u8(1),
  handle: u16(2),
  id: u64(4),
  sector_number: u64(12),
  nr_sectors: u64(20),
});

export const blkifRequestIndirect32 = struct("blkif_request_indirect", 64, {
  operation: u8(0),
  indirect_op: u8(1),
  nr_segments: u16(2),
  id: u64(4),
  sector_number: u64(12),
  handle: u16(20),
  indirect_grefs: array(24, BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, 4, u32),
});

export const blkifResponse32 = struct("blkif_response", 12, {
  id: u64(0),
  operation: u8(8),
  status: s16(10),
});
