import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import {
  blockDeviceSize,
  canPunchHoles,
  lockOpenFile,
  physicalBlockSize,
  queueLimit,
} from "../../host/block-device.ts";
import { mapAnonymous, viewOf } from "../../host/libc.ts";
import { type DiskConfig, DiskImage, type DiskProperties } from "./disk-image.ts";
import { usersOfFile } from "./file-users.ts";
import { SECTOR } from "./segments.ts";

export interface OpenDiskOptions {
  /** For tests and comparison: io_uring where the host has it, or Node's threads. */
  io?: "auto" | "threads";
}

/**
 * Opens the image of a disk and locks it until it is closed: against everybody for writing, else against writers.
 *
 * @throws PvhError FILE_UNREADABLE or DISK_IN_USE, with field `disk`.
 */
export function openDisk(config: DiskConfig, options: OpenDiskOptions = {}): DiskImage {
  // Looked at before it is opened, which alone starts a watchdog, rewinds a tape or takes a terminal.
  requireDisk(
    config,
    attempt(config, () => statSync(config.path)),
  );
  const fd = attempt(config, () => openImage(config));
  try {
    const stat = fstatSync(fd);
    requireDisk(config, stat);
    lock(config, fd, stat);
    return new DiskImage(fd, config, propertiesOf(config, fd, stat), options.io !== "threads");
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openImage(config: DiskConfig): number {
  const blockDevice = statSync(config.path).isBlockDevice();
  // A block device opened so for writing is not mounted, nor part of another device.
  const exclusive = blockDevice && !config.readonly ? constants.O_EXCL : 0;
  const access = config.readonly ? constants.O_RDONLY : constants.O_RDWR;
  const flags = access | exclusive | constants.O_NONBLOCK | constants.O_NOCTTY;
  if (!config.direct && !blockDevice) return openSync(config.path, flags);
  try {
    const fd = openSync(config.path, flags | constants.O_DIRECT);
    // Guests address sectors of 512 bytes; where the storage has larger ones the page cache joins them.
    if (takesSectors(fd)) return fd;
    closeSync(fd);
  } catch (error) {
    if (!isErrno(error, "EINVAL")) throw error;
  }
  return openSync(config.path, flags);
}

/** One page, aligned as direct I/O needs it. */
let scratch: Uint8Array | undefined;

function takesSectors(fd: number): boolean {
  if (scratch === undefined) {
    const mapping = mapAnonymous(4096);
    if (mapping === undefined) return false;
    scratch = new Uint8Array(viewOf(mapping));
  }
  try {
    readSync(fd, scratch, SECTOR, SECTOR, SECTOR);
    return true;
  } catch {
    return false;
  }
}

function propertiesOf(config: DiskConfig, fd: number, stat: Stats): DiskProperties {
  const blockDevice = stat.isBlockDevice();
  const size = blockDevice ? blockDeviceSize(fd) : stat.size;
  const sectors = Math.floor(size / SECTOR);
  if (sectors === 0) {
    throw unreadable(
      config,
      `has ${size} bytes; a disk has at least one sector of ${SECTOR}`,
      `${size} bytes`,
    );
  }
  const physical = blockDevice ? physicalBlockSize(fd) : SECTOR;
  return {
    sectors,
    physicalSectorSize: size % physical === 0 ? physical : SECTOR,
    discardable: config.discard && !config.readonly ? discardable(fd, stat, size) : undefined,
    blockDevice,
  };
}

function discardable(fd: number, stat: Stats, size: number): DiskProperties["discardable"] {
  if (!stat.isBlockDevice()) {
    return canPunchHoles(fd, size) ? { granularity: stat.blksize, alignment: 0 } : undefined;
  }
  if (!((queueLimit(stat.rdev, "discard_max_bytes") ?? 0) > 0)) return undefined;
  return { granularity: queueLimit(stat.rdev, "discard_granularity") || SECTOR, alignment: 0 };
}

function lock(config: DiskConfig, fd: number, stat: Stats): void {
  if (lockOpenFile(fd, config.readonly)) return;
  const users = usersOfFile(stat, fd);
  const who = users.length === 0 ? "another process" : users.join(", ");
  const wish = config.readonly ? "writes to it" : "has it open, and writing needs it alone";
  throw new PvhError("DISK_IN_USE", `disk ${config.name}: ${config.path} is in use: ${who} ${wish}.`, {
    field: "disk",
    found: who,
  });
}

function requireDisk(config: DiskConfig, stat: Stats): void {
  if (stat.isFile() || stat.isBlockDevice()) return;
  const found = stat.isDirectory() ? "a directory" : "neither a file nor a block device";
  throw unreadable(config, `is ${found}; an image file or a block device is needed`, found);
}

function attempt<T>(config: DiskConfig, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof PvhError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    if (code === "EBUSY") throw busy(config, cause);
    const access = config.readonly ? "read" : "written";
    const what: Record<string, string> = {
      ENOENT: "does not exist: check the path",
      EACCES: `may not be ${access} by this user: check its permissions and those of its folders`,
      EPERM: `may not be ${access} by this user`,
      EROFS: "is on a file system that is read-only: attach it with access r",
      ENXIO: "is a device that is not there",
      ENOMEDIUM: "is a drive without a medium",
      ENAMETOOLONG: "has too long a name",
    };
    throw unreadable(config, what[code] ?? `cannot be opened (${code})`, config.path, cause);
  }
}

/** The host gives a block device to one user for writing, and tells nobody who that is. */
function busy(config: DiskConfig, cause: unknown): PvhError {
  const users = usersOfFile(statSync(config.path), -1);
  const open = users.length === 0 ? "" : `${users.join(", ")} has it open, or `;
  const sentence = `disk ${config.name}: ${config.path} is in use on the host: ${open}it is mounted or part of another device.`;
  return new PvhError("DISK_IN_USE", sentence, { field: "disk", found: users.join(", ") || "EBUSY", cause });
}

function unreadable(config: DiskConfig, what: string, found: string, cause?: unknown): PvhError {
  return new PvhError("FILE_UNREADABLE", `disk ${config.name}: ${config.path} ${what}.`, {
    field: "disk",
    found,
    allowed: "an image file or a block device",
    cause,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
