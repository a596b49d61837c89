import type { GuestConfig } from "@pvh/builder";
import type { Scheduling } from "../backend.ts";
import { deviceConfigs } from "./device-configs.ts";
import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { homeOf } from "./store-nodes.ts";

const KIB_PER_MIB = 1024;
const DEFAULT_WEIGHT = 256;

/** The config of a domain as it is at the moment, with what was changed since it started. */
export async function currentConfig(
  { store, workers }: DeviceHost,
  { domid, uuid, config }: DomainFile,
): Promise<GuestConfig> {
  const { vcpus, maxvcpus = vcpus } = config;
  const home = homeOf(domid);
  const mebibytes = async (node: string) => {
    const kib = Number(await store.read(`${home}/memory/${node}`));
    return kib > 0 ? Math.ceil(kib / KIB_PER_MIB) : undefined;
  };
  const online = Array.from({ length: maxvcpus }, async (_, vcpu) => {
    return (await store.read(`${home}/cpu/${vcpu}/availability`)) === "online" ? 1 : 0;
  });
  const [target, limit, counts, devices, scheduling] = await Promise.all([
    mebibytes("target"),
    mebibytes("static-max"),
    Promise.all(online),
    deviceConfigs(store, domid),
    workers.run("scheduling", { domid, vcpus: maxvcpus }),
  ]);
  const memory = target ?? config.memory;
  return {
    ...config,
    uuid,
    memory,
    maxmem: Math.max(memory, limit ?? config.maxmem ?? config.memory),
    vcpus: Math.max(
      1,
      counts.reduce<number>((sum, one) => sum + one, 0),
    ),
    maxvcpus,
    ...(scheduling === null ? {} : scheduled(config, scheduling)),
    ...devices,
  };
}

/** What the config says and what differs from a scheduler's defaults: those of another host may be others. */
function scheduled(config: GuestConfig, { weight, cap, affinity }: Scheduling): Partial<GuestConfig> {
  const sets = (key: "cpus" | "cpusSoft") => {
    const texts = affinity.map((one) => one[key]);
    return texts.every((text) => text === texts[0]) ? texts[0] : texts;
  };
  const [cpus, cpusSoft] = [sets("cpus"), sets("cpusSoft")];
  return {
    ...(config.cpu_weight !== undefined || weight !== DEFAULT_WEIGHT ? { cpu_weight: weight } : {}),
    ...(config.cap !== undefined || cap !== 0 ? { cap } : {}),
    ...(cpus !== undefined && (config.cpus !== undefined || cpus !== "all") ? { cpus } : {}),
    ...(cpusSoft !== undefined && (config.cpus_soft !== undefined || cpusSoft !== "all")
      ? { cpus_soft: cpusSoft }
      : {}),
  };
}
