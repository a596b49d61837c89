import type { Duplex } from "node:stream";
import { PvhError } from "@pvh/errors";
import {
  checkHost,
  connectConsole,
  connectVmm,
  launchVmm,
  readConsoleLog,
  readExitRecord,
  type Vmm,
  type VmmStatus,
} from "@pvh/kvm";
import type { Backend, DomainStart, HostSummary, Instance } from "./backend.ts";
import type { ExitRecord } from "./domain.ts";

/** Domains on /dev/kvm, each in a VMM process of its own that outlives the daemon. */
export class KvmBackend implements Backend {
  readonly name = "kvm";

  async launch(start: DomainStart): Promise<Instance> {
    const vmm = await launchVmm({ ...start, attached: false });
    return toInstance(vmm, vmm.launched);
  }

  async find(dir: string, uuid: string): Promise<Instance | undefined> {
    const vmm = await connectVmm(dir, uuid);
    try {
      return vmm && toInstance(vmm, await vmm.status());
    } catch (error) {
      vmm?.disconnect();
      // It ended while it was asked.
      if (error instanceof PvhError && error.code === "VMM_DIED") return undefined;
      throw error;
    }
  }

  exitRecord(dir: string): ExitRecord | undefined {
    return readExitRecord(dir);
  }

  openConsole(dir: string): Promise<Duplex> {
    return connectConsole(dir);
  }

  consoleLog(dir: string): Uint8Array {
    return readConsoleLog(dir);
  }

  async checkHost(): Promise<HostSummary> {
    const { device, usable, problem, capabilities, memoryAvailable } = await checkHost();
    return {
      backend: this.name,
      usable,
      device,
      ...(problem && { problem }),
      capabilities,
      memoryAvailable,
    };
  }
}

function toInstance(vmm: Vmm, status: VmmStatus): Instance {
  const { pid, bootInterface, platform, stages } = status;
  return {
    started: { pid, bootInterface, platform, stages },
    exited: vmm.exited,
    state: async () => (await vmm.status()).state,
    pause: () => vmm.pause(),
    unpause: () => vmm.unpause(),
    shutdown: () => vmm.shutdown(),
    destroy: () => vmm.destroy(),
    disconnect: () => vmm.disconnect(),
  };
}
