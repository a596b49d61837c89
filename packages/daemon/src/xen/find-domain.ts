import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { homeOf } from "./store-nodes.ts";
import type { DomainSummary } from "./worker/tasks.ts";

/** What the hypervisor has of a domain, if that is still the one of this uuid. */
export async function lookAt(
  { workers }: Pick<DeviceHost, "workers">,
  domid: number,
  uuid: string,
): Promise<DomainSummary | undefined> {
  const found = await workers.run("domain", domid);
  return found?.uuid === uuid ? found : undefined;
}

/**
 * What the hypervisor has of a domain. One that a daemon was just making another one of, when it was killed, becomes that
 * now: its file and the store know its new uuid already.
 */
export async function findDomain(
  { store, workers }: DeviceHost,
  { uuid, domid }: DomainFile,
): Promise<DomainSummary | undefined> {
  const domains = await workers.run("domains", null);
  // The uuid alone would also find one that it has moved to.
  const half = domains.find((one) => one.domid === domid);
  if (half?.uuid === uuid) return half;
  if (half === undefined || (await store.read(`${homeOf(domid)}/vm`)) !== `/vm/${uuid}`) return undefined;
  await workers.run("set-handle", { domid, uuid });
  return { ...half, uuid };
}
