import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { PvhError } from "@pvh/errors";
import {
  checkHost,
  connectConsole,
  connectVmm,
  endVmmsOf,
  launchVmm,
  readConsoleLog,
  readExitRecord,
  type Vmm,
  type VmmStatus,
  vmmsOf,
} from "@pvh/kvm";
import {
  type Backend,
  type DomainStart,
  type HostSummary,
  type Instance,
  type Trigger,
  unsupported,
} from "./backend.ts";
import type { ExitRecord } from "./domain.ts";

/** How long a VMM that shall end gets to answer before it is killed. */
const PATIENCE_MS = 5000;
/** How long a VMM that has closed its sockets may take to go: consoles get their rest first. */
const ENDING_MS = 3000;

const NOT_SAVED = "those of a Xen host are saved and restored";
const NOT_MOVED = "those of Xen hosts are migrated";

/** Domains on /dev/kvm, each in a VMM process of its own that outlives the daemon. */
export class KvmBackend implements Backend {
  readonly name = "kvm";
  readonly givesDomids = false;

  async launch(start: DomainStart): Promise<Instance> {
    const vmm = await launchVmm({ ...start, attached: false });
    return toInstance(vmm, vmm.launched);
  }

  readSaved = cannot("restore a domain", NOT_SAVED);
  readArrival = cannot("take a domain of another host", NOT_MOVED);

  async find(dir: string, uuid: string): Promise<Instance | undefined> {
    const vmm = await connectVmm(dir, uuid);
    if (vmm === undefined) {
      await refuseDeaf(dir, uuid);
      return undefined;
    }
    try {
      return toInstance(vmm, await vmm.status());
    } catch (error) {
      vmm.disconnect();
      // It ended while it was asked.
      if (error instanceof PvhError && error.code === "VMM_DIED") return undefined;
      throw error;
    }
  }

  async end(dir: string, uuid: string): Promise<void> {
    const vmm = await connectVmm(dir, uuid, PATIENCE_MS);
    await vmm?.destroy();
    vmm?.disconnect();
    await endVmmsOf(dir, uuid);
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

  /** The guests of others look like any process. */
  async hostDomains(): Promise<[]> {
    return [];
  }

  /** Every domain has a process of its own; nothing is held here. */
  async close(): Promise<void> {}

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

/** What still runs without being reachable is not an ended domain. One that is just ending gets its time. */
async function refuseDeaf(dir: string, uuid: string): Promise<void> {
  const deadline = performance.now() + ENDING_MS;
  for (let [process] = vmmsOf(dir, uuid); process !== undefined; [process] = vmmsOf(dir, uuid)) {
    if (performance.now() > deadline) {
      throw new PvhError(
        "VMM_UNRESPONSIVE",
        `The VMM process ${process.pid} runs in ${dir}, but cannot be reached there; destroy the domain, or let the process go on if it was stopped by a signal and start pvhd again.`,
        { field: "pid", found: process.pid },
      );
    }
    await sleep(50);
  }
}

function toInstance(vmm: Vmm, status: VmmStatus): Instance {
  const { pid, bootInterface, platform, stages } = status;
  return {
    started: { pid, bootInterface, platform, stages },
    exited: vmm.exited,
    status: async () => {
      const { state, memoryNow, vcpus, devices } = await vmm.status();
      return { state, memoryNow, vcpus, devices };
    },
    pause: () => vmm.pause(),
    unpause: () => vmm.unpause(),
    shutdown: () => vmm.shutdown(),
    reboot: () => vmm.reboot(),
    sysrq: (key) => vmm.sysrq(key),
    setMemory: (memory) => vmm.setMemory(memory),
    setVcpus: (vcpus) => vmm.setVcpus(vcpus),
    attachDisk: (disk) => vmm.attachDisk(disk),
    detachDisk: (vdev, force) => vmm.detachDisk(vdev, force),
    attachVif: (vif) => vmm.attachVif(vif),
    detachVif: (devid, force) => vmm.detachVif(devid, force),
    rename: (name) => vmm.rename(name),
    trigger: (trigger) => press(vmm, trigger, platform),
    setMaxMemory: cannot("limit the memory of a live domain", "mem-set says what it is to have"),
    setShare: cannot(
      "share out processor time",
      "the host's scheduler does, and renice and cgroups tell it how",
    ),
    pin: cannot("pin vCPUs", "they are threads of the VMM process, which taskset can pin"),
    dumpCore: cannot("dump a domain's memory", "gcore can dump the VMM process"),
    save: cannot("save a domain", NOT_SAVED),
    migrate: cannot("migrate a domain", NOT_MOVED),
    arrive: cannot("take a domain of another host", NOT_MOVED),
    destroy: () => vmm.destroy(),
    // With its guest goes the VMM, and with that everything else.
    remains: false,
    gone: vmm.exited.then(() => {}),
    discard: async () => {},
    setAside: cannot("keep a domain that has ended", "nothing is left of it"),
    softReset: cannot("reset a guest in its memory", "nothing is left of it"),
    disconnect: () => vmm.disconnect(),
  };
}

function cannot(action: string, instead: string): () => Promise<never> {
  return async () => {
    throw unsupported("kvm", action, instead);
  };
}

/** Of the triggers there is the power button, which bare guests have. */
async function press(vmm: Vmm, trigger: Trigger, platform: VmmStatus["platform"]): Promise<void> {
  if (trigger === "power" && platform === "bare") return vmm.shutdown();
  throw unsupported(
    "kvm",
    `send the trigger ${trigger}`,
    platform === "bare" ? "its one trigger is power" : "use shutdown, reboot or sysrq",
  );
}
