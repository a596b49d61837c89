import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { identify, kill, type ProcessIdentity, waitUntilGone } from "./process-identity.ts";
import { VMM_TITLE } from "./protocol.ts";

const GONE_MS = 5000;

/**
 * The VMM processes of a runtime directory, also those that answer nobody: stopped by a signal, or without their
 * sockets because the directory was removed. Their working directory tells them.
 */
export function vmmsIn(dir: string): ProcessIdentity[] {
  const path = resolved(dir);
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && worksIn(name, path) && isVmm(name))
    .flatMap((name) => identify(Number(name)) ?? []);
}

/** Kills the VMMs of a runtime directory; resolves when they have gone. */
export async function endVmmsIn(dir: string): Promise<void> {
  const found = vmmsIn(dir);
  for (const identity of found) kill(identity);
  await Promise.all(found.map((identity) => waitUntilGone(identity, GONE_MS)));
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

function isVmm(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${VMM_TITLE} `);
  } catch {
    return false;
  }
}
