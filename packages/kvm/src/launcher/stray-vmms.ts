import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DomainFile, RUNTIME_FILES, VMM_TITLE } from "../protocol.ts";
import { identify, kill, type ProcessIdentity, waitUntilGone } from "./process-identity.ts";

const GONE_MS = 5000;

/**
 * The VMM processes of a domain, also those that answer nobody: stopped by a signal, or without their sockets because
 * the runtime directory was removed. Their working directory tells them; what another domain's directory has is not
 * this domain's.
 */
export function vmmsOf(dir: string, uuid: string): ProcessIdentity[] {
  if ((ownerOf(dir) ?? uuid) !== uuid) return [];
  const path = resolved(dir);
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && worksIn(name, path) && isVmm(name))
    .flatMap((name) => identify(Number(name)) ?? []);
}

/** Kills the VMMs of a domain; resolves when they have gone. */
export async function endVmmsOf(dir: string, uuid: string): Promise<void> {
  const found = vmmsOf(dir, uuid);
  for (const identity of found) kill(identity);
  await Promise.all(found.map((identity) => waitUntilGone(identity, GONE_MS)));
}

/** Whose directory it is, as far as it can be read. */
function ownerOf(dir: string): string | undefined {
  try {
    return DomainFile.parse(JSON.parse(readFileSync(join(dir, RUNTIME_FILES.domain), "utf8"))).uuid;
  } catch {
    return undefined;
  }
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
