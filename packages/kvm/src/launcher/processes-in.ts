import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { identify, type ProcessIdentity } from "./process-identity.ts";

/**
 * The processes that work in a directory and whose command line is wanted. The kernel knows the directory of a process
 * also when it was renamed or removed since.
 */
export function processesIn(
  dir: string,
  isWanted: (commandLine: readonly string[]) => boolean,
): ProcessIdentity[] {
  const path = resolved(dir);
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && worksIn(name, path) && isWanted(commandLine(name)))
    .flatMap((name) => identify(Number(name)) ?? []);
}

/** The directory itself may be gone. */
function resolved(dir: string): string {
  try {
    return join(realpathSync(dirname(dir)), basename(dir));
  } catch {
    return dir;
  }
}

function worksIn(pid: string, path: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, "") === path;
  } catch {
    return false;
  }
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
