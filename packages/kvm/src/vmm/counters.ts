import { HYPERCALL } from "@pvh/abi";
import type { VmmCounters } from "../protocol.ts";
import { COUNT, type VcpuControl } from "../shared/vcpu-control.ts";

const hypercallNames = new Map<number, string>(Object.entries(HYPERCALL).map(([name, nr]) => [nr, name]));

/** Sums of all vCPUs. */
export function readCounters(vcpus: readonly VcpuControl[]): VmmCounters {
  const exits = Object.fromEntries(
    Object.entries(COUNT).map(([name, i]) => [
      name,
      vcpus.reduce((sum, { counters }) => sum + (counters[i] ?? 0), 0),
    ]),
  );
  const refusedHypercalls: Record<string, number> = {};
  for (const vcpu of vcpus) {
    for (const [nr, count] of vcpu.refused()) {
      const name = hypercallNames.get(nr) ?? (nr < 64 ? `hypercall ${nr}` : "other numbers");
      refusedHypercalls[name] = (refusedHypercalls[name] ?? 0) + count;
    }
  }
  return { exits, refusedHypercalls };
}
