import { createHash } from "node:crypto";
import {
  type BigIntStats,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

/** Files that are kept; those that were not used for the longest time go first. */
const KEPT = 16;

/**
 * Where the unpacked contents of a file are kept, or would be: under a name that the file's identity, size and times
 * decide. Whoever writes to a file changes its ctime. Undefined when there is no such file.
 *
 * @param cache directory, which is made when it is needed; only this program writes there
 */
export function unpackedPath(path: string, cache: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() ? join(cache, nameOf(stat)) : undefined;
}

function nameOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return createHash("sha256").update([dev, ino, size, mtimeNs, ctimeNs].join(" ")).digest("hex");
}

/** What `read` makes of the kept file; undefined when there is none, or it is damaged. */
export function readUnpacked<T>(file: string, read: (file: string) => T): T | undefined {
  try {
    const contents = read(file);
    const now = new Date();
    utimesSync(file, now, now);
    return contents;
  } catch {
    return undefined;
  }
}

/** What cannot be kept, for want of space perhaps, is unpacked again next time. */
export function keepUnpacked(cache: string, file: string, contents: Uint8Array): void {
  const temporary = `${file}.${process.pid}.${threadId}.new`;
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    // What is kept is trusted, also after a power cut.
    writeFileSync(temporary, contents, { mode: 0o600, flush: true });
    renameSync(temporary, file);
    const age = (name: string) => statSync(join(cache, name)).mtimeMs;
    const oldest = readdirSync(cache).toSorted((a, b) => age(a) - age(b));
    for (const name of oldest.slice(0, -KEPT)) rmSync(join(cache, name), { force: true });
  } catch {
    removeIfThere(temporary);
  }
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It cannot be there.
  }
}
