import type { Duplex } from "node:stream";
import {
  checkHost,
  connectConsole,
  connectVmm,
  launchVmm,
  readConsoleLog,
  readExitRecord,
  type Vmm,
} from "@pvh/kvm";
import type { Backend, DomainStart, HostSummary, Instance, StartSummary } from "./backend.ts";
import type { ExitRecord, Stage } from "./domain.ts";

/** Domains on /dev/kvm, each in a VMM process of its own that outlives the daemon. */
export class KvmBackend implements Backend {
  readonly name = "kvm";

  async launch(start: DomainStart): Promise<Instance> {
    return toInstance(await launchVmm({ ...start, attached: false }));
  }

  async find(dir: string, uuid: string): Promise<Instance | undefined> {
    const vmm = await connectVmm(dir, uuid);
    return vmm && toInstance(vmm);
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

async function toInstance(vmm: Vmm): Promise<Instance> {
  return {
    started: await startSummary(vmm),
    exited: vmm.exited,
    state: async () => (await vmm.status()).state,
    pause: () => vmm.pause(),
    unpause: () => vmm.unpause(),
    shutdown: () => vmm.shutdown(),
    destroy: () => vmm.destroy(),
    disconnect: () => vmm.disconnect(),
  };
}

async function startSummary(vmm: Vmm): Promise<StartSummary> {
  const stages: Stage[] = [];
  const stopListening = vmm.onEvent((event) => {
    if (event.event === "stage") stages.push(event.stage);
  });
  try {
    const { pid, bootInterface, platform, stages } = await vmm.status();
    return { pid, bootInterface, platform, stages };
  } catch {
    // A guest may be over before it can be asked; its stages were told at once.
    return { pid: vmm.pid, stages };
  } finally {
    stopListening();
  }
}
