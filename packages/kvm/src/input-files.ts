import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import { mebibytes } from "./host/memory.ts";

export type Allocate = (size: number) => Uint8Array;
const fresh: Allocate = (size) => new Uint8Array(size);

/**
 * Reads a file that a config names.
 *
 * @param field the config's key: `kernel`, `ramdisk`.
 * @param limit bytes that the file may have.
 * @param allocate memory of that many bytes, to read into.
 * @throws PvhError FILE_UNREADABLE or KERNEL_TOO_LARGE.
 */
export function readInputFile(
  field: string,
  path: string,
  limit: number,
  allocate: Allocate = fresh,
): Uint8Array {
  // Looked at before it is opened, which alone starts a watchdog, rewinds a tape or takes a terminal.
  requireFile(
    field,
    path,
    attempt(field, path, () => statSync(path)),
  );
  // Not blocking: what has become a pipe since must not wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const fd = attempt(field, path, () => openSync(path, flags));
  try {
    const stat = fstatSync(fd);
    requireFile(field, path, stat);
    if (stat.size === 0) {
      const sentence = `${field}: ${path} is empty; a file with a ${field} in it is needed.`;
      throw new PvhError("FILE_UNREADABLE", sentence, { field, found: "0 bytes" });
    }
    if (stat.size > limit) {
      throw new PvhError(
        "KERNEL_TOO_LARGE",
        `${field}: ${path} has ${stat.size} bytes; at most ${limit} (${mebibytes(limit)}) are taken.`,
        { field, found: stat.size, allowed: limit },
      );
    }
    return attempt(field, path, () => readWhole(fd, allocate(stat.size)));
  } finally {
    closeSync(fd);
  }
}

function requireFile(field: string, path: string, stat: Stats): void {
  if (stat.isFile()) return;
  const found = stat.isDirectory() ? "a directory" : "not a regular file";
  throw new PvhError("FILE_UNREADABLE", `${field}: ${path} is ${found}; a file is needed.`, {
    field,
    found,
    allowed: "a regular file",
  });
}

/** Bytes of one read: more than 2 GiB do not fit into the call's length. */
const READ_SIZE = 2 ** 30;

/** What is there when it is read: a file that shrinks meanwhile gives fewer bytes. */
function readWhole(fd: number, bytes: Uint8Array): Uint8Array {
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(fd, bytes, length, Math.min(bytes.length - length, READ_SIZE), length);
    if (read === 0) break;
    length += read;
  }
  return bytes.subarray(0, length);
}

function attempt<T>(field: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    const what: Record<string, string> = {
      ENOENT: "does not exist: check the path",
      EACCES: "may not be read by this user: check its permissions and those of its folders",
      ENAMETOOLONG: "has too long a name",
    };
    throw new PvhError("FILE_UNREADABLE", `${field}: ${path} ${what[code] ?? `cannot be read (${code})`}.`, {
      field,
      found: path,
      allowed: "a readable file",
      cause,
    });
  }
}
