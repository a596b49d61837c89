import type { DiskConfig, VifConfig } from "@pvh/builder";
import { formatError, PvhError } from "@pvh/errors";
import { type DeviceStatus, requireMemoryTarget, requireVcpuCount } from "@pvh/kvm";
import type { Instance, InstanceStatus, StartSummary } from "../backend.ts";
import type { ExitRecord } from "../domain.ts";
import { readLog } from "./console-log.ts";
import { askGuest, deaf } from "./control.ts";
import { type DeviceHost, XenDevices } from "./devices.ts";
import { exitReason, lastLine } from "./exit.ts";
import { type DomainFile, readExit, saveConsole, writeExit } from "./files.ts";
import { homeOf, leaveStore } from "./store-nodes.ts";
import { removeUserData } from "./user-data.ts";
import type { DomainSummary } from "./worker/tasks.ts";

const MIB = 2 ** 20;
const KIB_PER_MIB = 1024;
const SLACK_KIB = 1024;
/** How long xenconsoled gets to take what a guest printed last. */
const DRAIN_MS = 2000;

export interface InstanceHost extends DeviceHost {
  /** Nobody watches the domain any more. */
  forget(instance: XenInstance): void;
}

/** A domain of this host that pvhd looks after. */
export class XenInstance implements Instance {
  readonly file: DomainFile;
  readonly dir: string;
  readonly started: StartSummary;
  readonly exited: Promise<ExitRecord>;
  readonly #host: InstanceHost;
  readonly #devices: XenDevices;
  readonly #exit = Promise.withResolvers<ExitRecord>();
  #asked = false;
  #ending: Promise<void> | undefined;

  constructor(host: InstanceHost, dir: string, file: DomainFile) {
    const { domid, uuid, bootInterface, stages } = file;
    this.file = file;
    this.dir = dir;
    this.#host = host;
    this.#devices = new XenDevices(host, domid, uuid);
    this.started = { domid, bootInterface, platform: "xen", stages };
    this.exited = this.#exit.promise;
  }

  async status(): Promise<InstanceStatus> {
    const { paused, memory, vcpusOnline } = await this.#summary();
    const { vcpus, maxvcpus = vcpus } = this.file.config;
    return {
      state: paused ? "paused" : this.#asked ? "shutting-down" : "running",
      memoryNow: Math.round(memory / MIB),
      vcpus: { online: vcpusOnline, max: maxvcpus },
      devices: await this.#devices.list(),
    };
  }

  async pause(): Promise<void> {
    // The hypervisor counts: what is paused twice must be unpaused twice.
    if ((await this.#summary()).paused) return;
    await this.#host.workers.run("pause", this.file.domid);
  }

  async unpause(): Promise<void> {
    if (!(await this.#summary()).paused) return;
    await this.#host.workers.run("unpause", this.file.domid);
  }

  async shutdown(): Promise<void> {
    await this.#ask("shutdown", "poweroff");
    this.#asked = true;
  }

  async reboot(): Promise<void> {
    await this.#ask("shutdown", "reboot");
    this.#asked = true;
  }

  async sysrq(key: string): Promise<void> {
    await this.#ask("sysrq", key);
  }

  async setMemory(memory: number): Promise<void> {
    requireMemoryTarget(this.file.config, memory);
    await this.#summary();
    const kib = memory * KIB_PER_MIB;
    await this.#host.workers.run("set-max-memory", { domid: this.file.domid, kib: kib + SLACK_KIB });
    await this.#host.store.write(`${homeOf(this.file.domid)}/memory/target`, `${kib}`);
  }

  async setVcpus(count: number): Promise<void> {
    requireVcpuCount(this.file.config, count);
    await this.#summary();
    const { vcpus, maxvcpus = vcpus } = this.file.config;
    await this.#host.store.transaction(async (view) => {
      for (let vcpu = 0; vcpu < maxvcpus; vcpu++) {
        const path = `${homeOf(this.file.domid)}/cpu/${vcpu}/availability`;
        const wanted = vcpu < count ? "online" : "offline";
        if ((await view.read(path)) !== wanted) await view.write(path, wanted);
      }
    });
  }

  attachDisk(disk: DiskConfig): Promise<DeviceStatus> {
    return this.#devices.attachDisk(disk);
  }
  detachDisk(vdev: string, force: boolean): Promise<void> {
    return this.#devices.detachDisk(vdev, force);
  }
  attachVif(vif: VifConfig): Promise<DeviceStatus> {
    return this.#devices.attachVif(vif);
  }
  detachVif(devid: number, force: boolean): Promise<void> {
    return this.#devices.detachVif(devid, force);
  }

  async destroy(): Promise<void> {
    await this.#end({ reason: "killed" });
  }

  disconnect(): void {
    this.#host.forget(this);
  }

  /** Something may have happened to the domain: this is what the hypervisor has of it now. */
  look(summary: DomainSummary | undefined): void {
    if (summary === undefined || summary.dying) {
      // Somebody else ended it, or another object of ours, which has left a record.
      void this.#end(
        readExit(this.dir) ?? { reason: "killed", detail: "Another toolstack destroyed the domain." },
      );
    } else if (summary.shutdown !== undefined) {
      void this.#end({ reason: exitReason(summary.shutdown) });
    }
  }

  /** Takes the domain and all that belongs to it away, once, whoever asks for it first. */
  #end(exit: { reason: ExitRecord["reason"] } & Partial<ExitRecord>): Promise<void> {
    this.#ending ??= this.#finish(exit).finally(() => this.#host.forget(this));
    return this.#ending;
  }

  async #finish(exit: { reason: ExitRecord["reason"] } & Partial<ExitRecord>): Promise<void> {
    const { domid, uuid } = this.file;
    const output = await this.#lastOutput();
    const lastConsoleLine = lastLine(output);
    const record: ExitRecord = {
      at: new Date().toISOString(),
      ...(lastConsoleLine === undefined ? {} : { lastConsoleLine }),
      ...exit,
    };
    try {
      saveConsole(this.dir, output);
      // Before the domain goes: whoever finds it gone reads why.
      writeExit(this.dir, record);
    } catch (error) {
      process.stderr.write(`domain ${uuid}: how it ended cannot be recorded: ${formatError(error)}\n`);
    }
    try {
      await removeDomain(this.#host, this.#devices, domid, uuid);
    } catch (error) {
      process.stderr.write(`domain ${domid} (${uuid}) cannot be removed: ${formatError(error)}\n`);
    }
    this.#exit.resolve(record);
  }

  /** All output that was kept, when xenconsoled has taken the guest's last. */
  async #lastOutput(): Promise<Uint8Array> {
    const { log, domid, consoleGfn } = this.file;
    if (log === undefined) return new Uint8Array();
    const deadline = performance.now() + DRAIN_MS;
    try {
      while (!(await this.#host.workers.run("console-drained", { domid, gfn: consoleGfn }))) {
        if (performance.now() > deadline) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } catch {
      // The domain is gone with its memory.
    }
    for (let length = -1; ; ) {
      const output = readLog(log);
      // xenconsoled frees the ring first and writes its log then.
      if (output.length === length) return output;
      length = output.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #ask(node: string, request: string): Promise<void> {
    await this.#summary();
    const { domid, storeGfn } = this.file;
    const listens = await this.#host.workers.run("store-used", { domid, gfn: storeGfn });
    if (!listens) throw deaf(node, request);
    await askGuest(this.#host.store, domid, node, request);
  }

  async #summary(): Promise<DomainSummary> {
    const { domid, uuid } = this.file;
    const domains = this.#ending === undefined ? await this.#host.workers.run("domains", null) : [];
    const found = domains.find((one) => one.domid === domid && one.uuid === uuid);
    if (found !== undefined && !found.dying && found.shutdown === undefined) return found;
    throw new PvhError("VMM_DIED", `The domain ${domid} (${uuid}) has ended.`, {
      field: "state",
      found: "ended",
    });
  }
}

/** Devices first, as libxl does: their back ends hold pages of the domain. */
export async function removeDomain(
  { store, workers }: DeviceHost,
  devices: XenDevices,
  domid: number,
  uuid: string,
): Promise<void> {
  const there = (await workers.run("domains", null)).some((one) => one.domid === domid && one.uuid === uuid);
  if (there) await workers.run("pause", domid);
  await devices.removeAll();
  if (there) await workers.run("destroy", domid);
  await leaveStore(store, domid, uuid);
  removeUserData(domid, uuid);
}
