import { s16, struct, u32, u64 } from "../struct.ts";

/** Numbers of linux/fs.h, linux/falloc.h and fcntl.h for disk images and block devices. */

export const blockIoctl = {
  BLKGETSIZE64: 0x80081272,
  BLKSSZGET: 0x1268,
  BLKPBSZGET: 0x127b,
  BLKDISCARD: 0x1277,
} as const;

export const FALLOC_FL = { KEEP_SIZE: 1, PUNCH_HOLE: 2 } as const;

/** Locks that belong to an open file, not to a process. */
export const F_OFD_SETLK = 37;
export const F_LOCK = { RDLCK: 0, WRLCK: 1, UNLCK: 2 } as const;

/** A range with `l_len` 0 goes to the end of the file, however long it becomes. */
export const flock = struct("flock", 32, {
  l_type: s16(0),
  l_whence: s16(2),
  l_start: u64(8),
  l_len: u64(16),
  l_pid: u32(24),
});
