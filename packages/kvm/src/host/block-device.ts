import { readFileSync } from "node:fs";
import { blockIoctl, F_LOCK, F_OFD_SETLK, FALLOC_FL, flock } from "@pvh/abi";
import koffi from "koffi";
import { errno, errnoName, ioctlPointer, systemError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const fcntlPointer: (fd: number, command: number, argument: Uint8Array) => number = libc.func(
  "fcntl",
  "int",
  ["int", "int", "void *"],
);
const fallocate = libc.func("int fallocate(int fd, int mode, int64_t offset, int64_t length)");
const discardIoctl = libc.func("ioctl", "int", ["int", "ulong", "void *"]);

const PUNCH = FALLOC_FL.PUNCH_HOLE | FALLOC_FL.KEEP_SIZE;

/** Bytes, of a block device. */
export function blockDeviceSize(fd: number): number {
  return Number(query(fd, "BLKGETSIZE64").getBigUint64(0, true));
}

/** Bytes that a block device writes at a time, without reading first. */
export function physicalBlockSize(fd: number): number {
  return query(fd, "BLKPBSZGET").getUint32(0, true);
}

function query(fd: number, name: keyof typeof blockIoctl): DataView {
  const value = new Uint8Array(8);
  if (ioctlPointer(fd, blockIoctl[name], value) < 0) throw systemError(name, errno());
  return new DataView(value.buffer);
}

/** A number of the device's queue in sysfs; a partition has its disk's. Undefined when there is none. */
export function queueLimit(device: number, name: string): number | undefined {
  const major = ((device >>> 8) & 0xfff) | 0;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  for (const up of ["", "../"]) {
    try {
      return Number(readFileSync(`/sys/dev/block/${major}:${minor}/${up}queue/${name}`, "latin1"));
    } catch {
      // The other place is tried.
    }
  }
  return undefined;
}

/**
 * Locks the whole open file until it is closed: `shared` among readers, or for one writer alone.
 *
 * @returns false when another open file has a lock that excludes this one. Where the file system has no locks there is
 * nothing to find out, so that it is true.
 */
export function lockOpenFile(fd: number, shared: boolean): boolean {
  const argument = flock.encode({ l_type: shared ? F_LOCK.RDLCK : F_LOCK.WRLCK });
  if (fcntlPointer(fd, F_OFD_SETLK, argument) >= 0) return true;
  const name = errnoName(errno());
  return name !== "EAGAIN" && name !== "EACCES";
}

/** Whether holes can be punched into the file: tried where nothing is, after its end. */
export function canPunchHoles(fd: number, size: number): boolean {
  return fallocate(fd, PUNCH, Math.ceil(size / 4096) * 4096, 4096) >= 0;
}

/** Gives a range of a file back to its file system. `done` is told whether it worked, on the event loop. */
export function punchHole(fd: number, offset: number, length: number, done: (worked: boolean) => void): void {
  fallocate.async(fd, PUNCH, offset, length, (error: unknown, result: number) => {
    done(error === null && result >= 0);
  });
}

/** Tells a block device that a range is not needed. `done` is told whether it worked, on the event loop. */
export function discardBlocks(
  fd: number,
  offset: number,
  length: number,
  done: (worked: boolean) => void,
): void {
  const range = new Uint8Array(BigUint64Array.of(BigInt(offset), BigInt(length)).buffer);
  discardIoctl.async(fd, blockIoctl.BLKDISCARD, range, (error: unknown, result: number) => {
    // Named here, so that the range lives as long as the call.
    done(error === null && result >= 0 && range.length === 16);
  });
}
