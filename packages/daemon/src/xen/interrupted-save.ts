import type { DeviceHost } from "./devices.ts";
import { removeMarker, settleMarker } from "./save-marker.ts";
import { isSuspended, resumeDomain, Suspension, withdrawRequest } from "./suspension.ts";
import type { DomainSummary } from "./worker/tasks.ts";

/** What the hypervisor has of a domain that goes on. */
export interface Recovered {
  found: DomainSummary | undefined;
  /** Of a guest that has suspended for that daemon, or may do so yet. */
  suspension?: Suspension;
}

/**
 * Finishes what a daemon that was killed did to a domain that it was saving: removes half a file and lets the guest go on;
 * or, when all was written, leaves the domain to whoever ends it.
 *
 * @param found what the hypervisor has of the domain
 * @returns the file of a saved domain that must end now; else what is known of it since
 */
export async function recoverSave(
  host: DeviceHost,
  dir: string,
  domid: number,
  found: DomainSummary | undefined,
): Promise<{ saved: string } | Recovered> {
  const interrupted = settleMarker(dir);
  if (interrupted === undefined || found === undefined || found.dying) {
    removeMarker(dir);
    return { found };
  }
  if (isSuspended(found)) {
    if (interrupted.saved) return { saved: interrupted.file };
    await resumeDomain(host, domid);
    const { shutdown, ...running } = found;
    removeMarker(dir);
    return { found: running, suspension: Suspension.over(host, domid) };
  }
  await withdrawRequest(host, domid);
  removeMarker(dir);
  return { found, suspension: Suspension.abandoned(host, domid) };
}
