import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DomainFile, RUNTIME_FILES, VMM_TITLE } from "../protocol.ts";
import { kill, type ProcessIdentity, waitUntilGone } from "./process-identity.ts";
import { processesIn } from "./processes-in.ts";

const GONE_MS = 5000;

/**
 * The VMM processes of a domain, also those that answer nobody: stopped by a signal, or without their sockets because
 * the runtime directory was removed. Their working directory tells them; what another domain's directory has is not
 * this domain's.
 */
export function vmmsOf(dir: string, uuid: string): ProcessIdentity[] {
  if ((ownerOf(dir) ?? uuid) !== uuid) return [];
  return processesIn(dir, ([title = ""]) => title.startsWith(`${VMM_TITLE} `));
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
