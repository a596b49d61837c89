import { closeSync, constants, openSync, statSync } from "node:fs";
import { bytes, cstring, nested, struct, u32, u64 } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import koffi from "koffi";
import { callError } from "./call-error.ts";
import { errno, errnoName } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const ioctl: (fd: number, request: number, argument: number) => number = libc.func(
  "int ioctl(int fd, ulong request, long argument)",
);
const ioctlPointer: (fd: number, request: number, argument: Uint8Array) => number = libc.func(
  "ioctl",
  "int",
  ["int", "ulong", "void *"],
);

/** linux/loop.h */
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LO_FLAGS = { READ_ONLY: 1, AUTOCLEAR: 4, DIRECT_IO: 16 } as const;

const loopInfo64 = struct("loop_info64", 232, {
  lo_offset: u64(24),
  lo_sizelimit: u64(32),
  lo_flags: u32(52),
  lo_file_name: cstring(56, 64),
  lo_encrypt_key: bytes(184, 32),
});
const loopConfig = struct("loop_config", 304, {
  fd: u32(0),
  block_size: u32(4),
  info: nested(8, loopInfo64),
});

/** Another process may take the free one first. */
const ATTEMPTS = 16;

/** A block device made of a file. It goes by itself when the last who has it open closes it. */
export interface LoopDevice {
  /** `/dev/loop3` */
  path: string;
  /** Number of the device, as `stat` gives it. */
  rdev: number;
  /** Keeps it there until somebody else has it open. */
  fd: number;
}

/**
 * @param direct past the page cache of the host, where the file system can do that
 * @throws PvhError FILE_UNREADABLE, HOST_UNSUPPORTED or XEN_CALL
 */
export function attachLoopDevice(file: string, options: { readonly: boolean; direct: boolean }): LoopDevice {
  const { readonly } = options;
  const backing = opened(file, readonly ? "r" : "r+", "disk");
  const direct = options.direct && takesDirectIo(file);
  try {
    const control = opened("/dev/loop-control", "r+", "loop devices");
    try {
      for (let attempt = 1; ; attempt++) {
        const number = ioctl(control, LOOP_CTL_GET_FREE, 0);
        if (number < 0) throw callError("ioctl(LOOP_CTL_GET_FREE)", errno());
        const device = configured(`/dev/loop${number}`, backing, file, { readonly, direct });
        if (device !== undefined) return device;
        if (attempt === ATTEMPTS) throw callError(`ioctl(/dev/loop${number}, LOOP_CONFIGURE)`, EBUSY);
      }
    } finally {
      closeSync(control);
    }
  } finally {
    closeSync(backing);
  }
}

const EBUSY = 16;
const EINVAL = 22;

/** Undefined when somebody else was quicker. */
function configured(
  path: string,
  backing: number,
  file: string,
  { readonly, direct }: { readonly: boolean; direct: boolean },
): LoopDevice | undefined {
  const fd = opened(path, readonly ? "r" : "r+", "loop devices");
  const flags = LO_FLAGS.AUTOCLEAR | (readonly ? LO_FLAGS.READ_ONLY : 0);
  const name = file.length < 64 ? file : file.slice(-63);
  const configure = (more: number) =>
    ioctlPointer(
      fd,
      LOOP_CONFIGURE,
      loopConfig.encode({ fd: backing, info: { lo_flags: flags | more, lo_file_name: name } }),
    );
  let result = configure(direct ? LO_FLAGS.DIRECT_IO : 0);
  if (result < 0 && direct && errno() === EINVAL) result = configure(0);
  if (result >= 0) return { path, rdev: statSync(path).rdev, fd };
  const number = errno();
  closeSync(fd);
  if (number === EBUSY) return undefined;
  throw callError(`ioctl(${path}, LOOP_CONFIGURE)`, number, errnoName(number));
}

/** The kernel believes an overlay that it takes direct I/O, which the file system below may not. */
function takesDirectIo(file: string): boolean {
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

function opened(path: string, flags: string, what: string): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    if (what === "disk") {
      throw new PvhError(
        "FILE_UNREADABLE",
        `disk: ${path} cannot be opened; check the path and its permissions.`,
        {
          field: "disk",
          found: path,
          cause,
        },
      );
    }
    throw new PvhError("HOST_UNSUPPORTED", `${path} cannot be opened: load the kernel module loop.`, {
      field: path,
      cause,
    });
  }
}
