import type { HostSummary } from "../backend.ts";
import { namesOfCpupools } from "./cpupool.ts";
import type { DeviceHost } from "./devices.ts";

const MIB = 2 ** 20;

/** What the hypervisor says of itself and of the machine. */
export async function summaryOf({ workers, store }: DeviceHost): Promise<HostSummary> {
  const [facts, names] = await Promise.all([workers.run("host", null), namesOfCpupools(store)]);
  const { version, capabilities, freeMemory, totalMemory, cpus, hap, cpupools } = facts;
  return {
    backend: "xen",
    usable: capabilities.some((kind) => kind.startsWith("hvm-3.0")),
    version,
    device: "/dev/xen/privcmd",
    capabilities: {
      ...Object.fromEntries(capabilities.map((kind) => [kind, 1])),
      hap: hap ? 1 : 0,
      cpus,
    },
    memoryTotal: Math.floor(totalMemory / MIB),
    memoryAvailable: Math.floor(freeMemory / MIB),
    cpupools: cpupools.map(({ id, ...pool }) => ({ name: names.get(id) ?? `Pool-${id}`, ...pool })),
  };
}
