import type { DeviceHost } from "./devices.ts";
import type { Recovered } from "./interrupted-save.ts";
import { readMigration, removeMigration } from "./migration-marker.ts";
import { isSuspended, resumeDomain, Suspension, withdrawRequest } from "./suspension.ts";
import type { DomainSummary } from "./worker/tasks.ts";

/**
 * Finishes what a daemon that was killed did to a domain that it was sending to another host: lets the guest go on; or,
 * when it may run there, keeps it paused; or, when it does, leaves it to whoever ends it.
 *
 * @param found what the hypervisor has of the domain
 * @returns where a domain has moved that must end now; else what the hypervisor has of it since
 */
export async function recoverMigration(
  host: DeviceHost,
  dir: string,
  domid: number,
  found: DomainSummary | undefined,
): Promise<{ moved: string } | Recovered> {
  const marker = readMigration(dir);
  if (marker === undefined || found === undefined || found.dying) {
    removeMigration(dir);
    return { found };
  }
  const { peer, step } = marker;
  if (!isSuspended(found)) {
    await withdrawRequest(host, domid);
    removeMigration(dir);
    return { found, suspension: Suspension.abandoned(host, domid) };
  }
  if (step === "moved") return { moved: peer };
  const paused = step === "permitted";
  if (paused && !found.paused) await host.workers.run("pause", domid);
  await resumeDomain(host, domid);
  removeMigration(dir);
  if (paused) {
    process.stderr.write(
      `domain ${domid} (${found.uuid}) stays paused: pvhd was killed when it had told ${peer} to let it run; look there, and unpause it here only if it is not there\n`,
    );
  }
  const { shutdown, ...alive } = found;
  const suspension = Suspension.over(host, domid);
  return { found: { ...alive, paused: paused || found.paused }, suspension };
}
