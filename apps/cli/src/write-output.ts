import {
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { PvhError } from "@pvh/errors";

/**
 * Writes a file whole or not at all: beside it, then renamed. A link is followed. What is no regular file, such as a
 * device, and what was read to make the output, is never replaced.
 *
 * @throws PvhError FILE_UNWRITABLE
 */
export function writeOutput(path: string, inputs: string[], write: (fd: number) => void): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing !== undefined) requireReplaceable(path, existing, inputs);
  const target = existing === undefined ? path : realpathSync(path);
  const partial = `${target}.partial`;
  try {
    const fd = openSync(partial, "w");
    try {
      write(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(partial, target);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw unwritable(path, reason(cause), cause);
  }
}

function requireReplaceable(path: string, existing: Stats, inputs: string[]): void {
  if (!existing.isFile()) throw unwritable(path, "it is there, but not a regular file; choose another name");
  for (const input of inputs) {
    const { dev, ino } = statSync(input);
    if (dev === existing.dev && ino === existing.ino) {
      throw unwritable(path, "it is a file that the image is made of; choose another name");
    }
  }
}

function reason(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const reasons: Record<string, string> = {
    ENOENT: "its directory does not exist; make it, or choose another place",
    ENOTDIR: "its path leads through something that is no directory",
    EACCES: "this user may not write there",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
  };
  return reasons[code] ?? `the system says ${code}`;
}

function unwritable(path: string, why: string, cause?: unknown): PvhError {
  const sentence = `out: ${path} cannot be written: ${why}.`;
  return new PvhError("FILE_UNWRITABLE", sentence, { field: "out", found: path, cause });
}

/** Bytes of one write: more than 2 GiB do not fit into the call's length. */
const WRITE_SIZE = 2 ** 30;

export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, Math.min(bytes.length - done, WRITE_SIZE), position + done);
  }
}
