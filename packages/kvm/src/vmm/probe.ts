import { type KvmCapability, kvmCapability } from "@pvh/abi";
import { toProblem } from "@pvh/errors";
import { checkCapability, kvmDevice, openKvm } from "../host/kvm.ts";
import { availableMemory } from "../host/memory.ts";
import type { HostReport } from "../protocol.ts";

/** What this host offers, or why it cannot run domains. */
export function probeHost(): HostReport {
  const device = kvmDevice();
  const memoryAvailable = Math.floor(availableMemory().bytes / 2 ** 20);
  try {
    const fd = openKvm(device);
    const names = Object.keys(kvmCapability) as KvmCapability[];
    const capabilities = Object.fromEntries(names.map((name) => [name, checkCapability(fd, name)]));
    return { device, usable: true, capabilities, memoryAvailable };
  } catch (error) {
    return { device, usable: false, problem: { ...toProblem(error) }, capabilities: {}, memoryAvailable };
  }
}
