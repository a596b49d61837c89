import { nested, struct, u8, u32, u64 } from "../struct.ts";

/** Structures and numbers of linux/io_uring.h: reads and writes that the kernel takes from a ring. */

export const ioUringSyscall = { setup: 425, enter: 426, register: 427 } as const;

export const ioUringSubmissionOffsets = struct("io_sqring_offsets", 40, {
  head: u32(0),
  tail: u32(4),
  ring_mask: u32(8),
  ring_entries: u32(12),
  flags: u32(16),
  dropped: u32(20),
  array: u32(24),
});

export const ioUringCompletionOffsets = struct("io_cqring_offsets", 40, {
  head: u32(0),
  tail: u32(4),
  ring_mask: u32(8),
  ring_entries: u32(12),
  overflow: u32(16),
  cqes: u32(20),
  flags: u32(24),
});

export const ioUringParams = struct("io_uring_params", 120, {
  sq_entries: u32(0),
  cq_entries: u32(4),
  flags: u32(8),
  sq_thread_cpu: u32(12),
  sq_thread_idle: u32(16),
  features: u32(20),
  wq_fd: u32(24),
  sq_off: nested(40, ioUringSubmissionOffsets),
  cq_off: nested(80, ioUringCompletionOffsets),
});

/** A submission. */
export const ioUringSqe = struct("io_uring_sqe", 64, {
  opcode: u8(0),
  flags: u8(1),
  fd: u32(4),
  off: u64(8),
  addr: u64(16),
  len: u32(24),
  /** Also rw_flags and others, by operation. */
  fsync_flags: u32(28),
  user_data: u64(32),
});

/** A completion; `res`, signed, is what the system call would return, or a negative error number. */
export const ioUringCqe = struct("io_uring_cqe", 16, { user_data: u64(0), res: u32(8), flags: u32(12) });

export const iovec = struct("iovec", 16, { iov_base: u64(0), iov_len: u64(8) });

export const IORING_OP = { READV: 1, WRITEV: 2, FSYNC: 3 } as const;
export const IORING_FSYNC_DATASYNC = 1;
export const IORING_FEAT = { SINGLE_MMAP: 1 << 0, NODROP: 1 << 1, SUBMIT_STABLE: 1 << 2 } as const;
export const IORING_REGISTER_EVENTFD = 4;
/** Offsets of the parts of a ring in its descriptor. */
export const IORING_OFF = { SQ_RING: 0, SQES: 0x10000000 } as const;
