import { cpupoolInfo, SCHEDULERS } from "@pvh/abi";
import { type CpuSet, cpusOf } from "./cpu-bitmap.ts";
import { copyFrom } from "./libc.ts";
import type { Libxenctrl } from "./libxenctrl.ts";

/** A group of the host's CPUs with a scheduler of its own. */
export interface Cpupool {
  id: number;
  scheduler: string;
  /** How many there are in it. */
  domains: number;
  cpus: CpuSet;
}

export function readCpupools(lib: Libxenctrl): Cpupool[] {
  const size = lib.call("xc_get_cpumap_size");
  const found: Cpupool[] = [];
  for (;;) {
    const next = (found.at(-1)?.id ?? -1) + 1;
    const pool = lib.find("xc_cpupool_getinfo", next, (address) => readCpupool(address, size));
    if (pool === undefined) return found;
    found.push(pool);
  }
}

function readCpupool(address: bigint, size: number): Cpupool {
  const [info, cpus] = [new Uint8Array(cpupoolInfo.size), new Uint8Array(size)];
  copyFrom(info, address, info.length);
  const { cpupool_id, sched_id, n_dom, cpumap } = cpupoolInfo.decode(info);
  copyFrom(cpus, cpumap, size);
  const scheduler = SCHEDULERS[sched_id] ?? `scheduler ${sched_id}`;
  return { id: cpupool_id, scheduler, domains: n_dom, cpus: cpusOf(cpus) };
}
