import { PvhError } from "@pvh/errors";
import { requireMemoryTarget } from "@pvh/kvm";
import type { XenStore } from "@pvh/xenctl-ffi";
import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { homeOf } from "./store-nodes.ts";

const KIB_PER_MIB = 1024;
/** What libxl lets a domain have beyond its target. */
const SLACK_KIB = 1024;

type Domain = Pick<DomainFile, "domid" | "config">;

/**
 * Says what the guest is to have.
 *
 * @param memory MiB
 * @throws PvhError CONFIG_INVALID
 */
export async function setMemory(
  { store, workers }: DeviceHost,
  domain: Domain,
  memory: number,
): Promise<void> {
  const { domid, config } = domain;
  const limit = await memoryNode(store, domid, "static-max");
  requireMemoryTarget(limit === undefined ? config : { ...config, maxmem: limit / KIB_PER_MIB }, memory);
  const kib = memory * KIB_PER_MIB;
  await workers.run("set-max-memory", { domid, kib: kib + SLACK_KIB });
  await store.write(`${homeOf(domid)}/memory/target`, `${kib}`);
}

/** Says how far {@link setMemory} can go; likewise. */
export async function setMaxMemory(
  { store, workers }: DeviceHost,
  { domid, config }: Domain,
  memory: number,
): Promise<void> {
  const target = (await memoryNode(store, domid, "target")) ?? config.memory * KIB_PER_MIB;
  const kib = memory * KIB_PER_MIB;
  if (kib < target) {
    const now = Math.ceil(target / KIB_PER_MIB);
    throw new PvhError(
      "CONFIG_INVALID",
      `maxmem is ${memory}, but the guest is told to have ${now} MiB; lower that first (mem-set).`,
      { field: "maxmem", found: memory, allowed: `at least ${now}` },
    );
  }
  await workers.run("set-max-memory", { domid, kib: kib + SLACK_KIB });
  await store.write(`${homeOf(domid)}/memory/static-max`, `${kib}`);
}

/** KiB, unless somebody has written something else there. */
async function memoryNode(
  store: XenStore,
  domid: number,
  name: "target" | "static-max",
): Promise<number | undefined> {
  const text = await store.read(`${homeOf(domid)}/memory/${name}`);
  return text === undefined || !/^[0-9]+$/.test(text) ? undefined : Number(text);
}
