import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";

/**
 * What a running guest may be told to have, by its config.
 *
 * @param memory MiB
 * @throws PvhError CONFIG_INVALID
 */
export function requireMemoryTarget(config: GuestConfig, memory: number): void {
  const most = config.maxmem ?? config.memory;
  if (Number.isInteger(memory) && memory >= 1 && memory <= most) return;
  throw new PvhError(
    "CONFIG_INVALID",
    `memory is ${memory}; this domain can have 1 to ${most} MiB (its maxmem, or what mem-max has set).`,
    { field: "memory", found: memory, allowed: `a whole number of MiB from 1 to ${most}` },
  );
}

/** @throws PvhError CONFIG_INVALID */
export function requireVcpuCount(config: GuestConfig, vcpus: number): void {
  const most = config.maxvcpus ?? config.vcpus;
  if (Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= most) return;
  throw new PvhError(
    "CONFIG_INVALID",
    `vcpus is ${vcpus}; this domain can have 1 to ${most} (maxvcpus of its config).`,
    { field: "vcpus", found: vcpus, allowed: `a whole number from 1 to ${most}` },
  );
}
