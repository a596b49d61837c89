import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PvhError } from "@pvh/errors";
import Database from "better-sqlite3";
import { makeDirectory } from "./make-directory.ts";

/**
 * Takes the state directory for this process. The lock is SQLite's record lock on a file of its own, so the kernel
 * drops it when the process ends, however it ends: there is no stale lock. Returns the release.
 *
 * It is not the database of the domains itself, so that `sqlite3` can still read that one while pvhd runs.
 */
export function lockStateDir(stateDir: string): () => void {
  try {
    makeDirectory(stateDir, 0o750);
    const lock = new Database(join(stateDir, "lock.db"), { timeout: 0 });
    const pidFile = join(stateDir, "pvhd.pid");
    try {
      lock.exec("BEGIN EXCLUSIVE");
    } catch (cause) {
      lock.close();
      if (!(cause instanceof Database.SqliteError) || !cause.code.startsWith("SQLITE_BUSY")) throw cause;
      throw new PvhError(
        "DAEMON_RUNNING",
        `Another pvhd (process ${readPid(pidFile)}) uses the state directory ${stateDir}; end it, or give another directory with --state.`,
        { field: "--state", found: stateDir },
      );
    }
    writeFileSync(pidFile, `${process.pid}\n`);
    return () => lock.close();
  } catch (cause) {
    if (cause instanceof PvhError) throw cause;
    throw new PvhError(
      "DAEMON_STATE",
      `The state directory ${stateDir} cannot be used; give a directory that this user may write with --state.`,
      { field: "--state", found: stateDir, cause },
    );
  }
}

function readPid(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "unknown";
  }
}
