import { renameSync } from "node:fs";
import { PAGE_SIZE, SENDTRIGGER } from "@pvh/abi";
import type { DiskConfig, VifConfig } from "@pvh/builder";
import { formatError, PvhError } from "@pvh/errors";
import { type DeviceStatus, requireVcpuCount } from "@pvh/kvm";
import {
  type AfterSave,
  type Departure,
  type Identity,
  type Instance,
  type InstanceStatus,
  type Pinning,
  type Share,
  type StartSummary,
  type Trigger,
  unsupported,
} from "../backend.ts";
import type { ExitRecord } from "../domain.ts";
import { Serial } from "../serial.ts";
import { askGuest, deaf } from "./control.ts";
import { type DeviceHost, XenDevices } from "./devices.ts";
import { exitReason } from "./exit.ts";
import { type DomainFile, readExit, removeEnd, writeDomainFile } from "./files.ts";
import { lookAt } from "./find-domain.ts";
import { setMaxMemory, setMemory } from "./memory-limits.ts";
import { removeMigration } from "./migration-marker.ts";
import { type End, recordEnd } from "./record-end.ts";
import { domainEnded, guestPaused, refuseClassic, refuseQdisks, stillBeing } from "./refusals.ts";
import { removeDomain } from "./remove-domain.ts";
import { saveDomain } from "./save.ts";
import { removeMarker } from "./save-marker.ts";
import { sendDomain } from "./send.ts";
import { softReset } from "./soft-reset.ts";
import { changeIdentityInStore, homeOf, renameInStore } from "./store-nodes.ts";
import { isSuspended, Suspension, type SuspensionReason } from "./suspension.ts";
import { removeUserData, writeUserData } from "./user-data.ts";
import { mostVcpus, requireVcpu, setVcpusOnline } from "./vcpus.ts";
import type { DomainSummary } from "./worker/tasks.ts";

const MIB = 2 ** 20;
/** The one thing that is done alone. */
const REMAINS = "remains";
const KIB_PER_MIB = 1024;

export interface InstanceHost extends DeviceHost {
  /** Tells the instance from now on when something may have happened to domains. */
  watch(instance: XenInstance): void;
  /** Nobody watches the domain any more. */
  forget(instance: XenInstance): void;
}

/** A domain of this host that pvhd looks after. */
export class XenInstance implements Instance {
  readonly started: StartSummary;
  readonly exited: Promise<ExitRecord>;
  readonly gone: Promise<void>;
  readonly #host: InstanceHost;
  #devices: XenDevices;
  readonly #exit = Promise.withResolvers<ExitRecord>();
  readonly #removed = Promise.withResolvers<void>();
  #file: DomainFile;
  #dir: string;
  #asked = false;
  #remains = false;
  /** The end is being recorded, or has been. */
  #ending: Promise<void> | undefined;
  /** The latest. */
  #suspension: Suspension | undefined;
  #removal: Promise<void> | undefined;
  /** Whatever is done to what remains is done alone: it may be destroyed at any time. */
  readonly #turns = new Serial();

  constructor(host: InstanceHost, dir: string, file: DomainFile) {
    const { domid, bootInterface, stages } = file;
    this.#file = file;
    this.#dir = dir;
    this.#host = host;
    this.#devices = this.#devicesOf(file);
    this.started = { domid, bootInterface, platform: "xen", stages };
    this.exited = this.#exit.promise;
    this.gone = this.#removed.promise;
  }

  get file(): DomainFile {
    return this.#file;
  }

  get dir(): string {
    return this.#dir;
  }

  get remains(): boolean {
    return this.#remains;
  }

  async status(): Promise<InstanceStatus> {
    const { paused, memory, vcpusOnline } = await this.#summary();
    const { domid } = this.file;
    const { store, workers } = this.#host;
    const max = mostVcpus(this.file.config);
    const [limit, scheduling, devices] = await Promise.all([
      store.read(`${homeOf(domid)}/memory/static-max`),
      // It may be ending: the rest is known.
      workers.run("scheduling", { domid, vcpus: max }).catch(() => null),
      this.#devices.list(),
    ]);
    return {
      state: paused ? "paused" : this.#asked ? "shutting-down" : "running",
      memoryNow: Math.round(memory / MIB),
      ...(limit === undefined ? {} : { memoryLimit: Math.floor(Number(limit) / KIB_PER_MIB) }),
      vcpus: { online: vcpusOnline, max },
      devices,
      ...(scheduling === null ? {} : { scheduling }),
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
    await this.#summary();
    await setMemory(this.#host, this.file, memory);
  }

  async setMaxMemory(memory: number): Promise<void> {
    await this.#summary();
    await setMaxMemory(this.#host, this.file, memory);
  }

  async setShare(share: Partial<Share>): Promise<void> {
    await this.#summary();
    await this.#host.workers.run("set-share", { domid: this.file.domid, share });
  }

  async pin({ vcpu, ...affinity }: Pinning): Promise<void> {
    await this.#summary();
    const { domid } = this.file;
    if (vcpu !== undefined) requireVcpu(this.file.config, vcpu);
    const vcpus = vcpu === undefined ? [...Array(mostVcpus(this.file.config)).keys()] : [vcpu];
    await this.#host.workers.run("pin", { domid, vcpus, ...affinity });
  }

  async trigger(trigger: Trigger, vcpu: number): Promise<void> {
    await this.#summary();
    requireVcpu(this.file.config, vcpu);
    if (trigger === "power") {
      throw unsupported("xen", "press a power button", "PVH guests have none there; shutdown asks the guest");
    }
    try {
      await this.#host.workers.run("trigger", {
        domid: this.file.domid,
        trigger: SENDTRIGGER[trigger],
        vcpu,
      });
    } catch (error) {
      if (!(error instanceof PvhError) || error.details.found !== "ENOSYS") throw error;
      throw unsupported("xen", `send the trigger ${trigger}`, "the hypervisor has only nmi for PVH guests");
    }
  }

  async rename(name: string): Promise<void> {
    if (!this.#remains) await this.#summary();
    const { domid, uuid, config } = this.file;
    await renameInStore(this.#host.store, domid, uuid, name);
    this.#describe({ ...this.file, config: { ...config, name } });
  }

  async dumpCore(file: string): Promise<void> {
    const { domid } = this.file;
    const { workers } = this.#host;
    if (this.#remains) {
      await this.#alone(() => workers.run("dump-core", { domid, file }));
      return;
    }
    await this.#summary();
    // So that all of it is of one moment. Pauses are counted: one of the user's stays.
    await workers.run("pause", domid);
    try {
      await workers.run("dump-core", { domid, file });
    } finally {
      await workers.run("unpause", domid);
    }
  }

  async save(file: string, after: AfterSave): Promise<void> {
    const { domid } = this.#file;
    const { suspension } = await this.#suspendable("save", "saved");
    const dir = this.#dir;
    const ends = after === "end";
    await saveDomain({ host: this.#host, dir, domain: this.#file, suspension, file, ends });
    if (ends) {
      await this.endSaved(file);
      return;
    }
    if (after === "pause") await this.#host.workers.run("pause", domid);
    await suspension.resume();
    removeMarker(dir);
  }

  /** Takes the domain away, all of which is in the file. */
  async endSaved(file: string): Promise<void> {
    await this.#end({ reason: "suspend", detail: `It was saved to ${file}.` }, false);
    await this.#remove();
    removeMarker(this.#dir);
  }

  /** A daemon that is gone had asked its guest to suspend, which is no end of the domain. */
  async goOnAfter(suspension: Suspension): Promise<void> {
    const { domid, uuid } = this.file;
    this.#suspension = suspension;
    const asked = performance.now();
    // It may just have done it, before anybody watched.
    this.look(await lookAt(this.#host, domid, uuid), asked);
  }

  async migrate({ connect, live }: Departure): Promise<void> {
    await refuseQdisks(this.#host, this.#file);
    const { suspension, memory } = await this.#suspendable("migrate", "migrated");
    const transfer = await connect().catch(async (error: unknown) => {
      throw await suspension.giveUpAfter(error);
    });
    await sendDomain({
      host: this.#host,
      dir: this.#dir,
      domain: this.#file,
      pages: Math.ceil(memory / PAGE_SIZE),
      suspension,
      transfer,
      live,
    });
    await this.endMoved(transfer.peer);
  }

  /** Takes the domain away, which runs on another host. */
  async endMoved(peer: string): Promise<void> {
    await this.#end({ reason: "suspend", detail: `It was migrated to ${peer}.` }, false);
    await this.#remove();
    removeMigration(this.#dir);
  }

  async arrive(identity: Identity): Promise<void> {
    await this.#summary();
    await this.#become(identity);
  }

  /**
   * Refuses what cannot take part in its suspension, and says that it may come.
   *
   * @param action completes "cannot", with "a guest" behind it
   */
  async #suspendable(
    action: string,
    reason: SuspensionReason,
  ): Promise<{ suspension: Suspension; memory: number }> {
    refuseClassic(
      this.#file,
      action,
      "its kernel would crash when it suspends (Linux up to 4.10 stops in xen_pv_pre_suspend)",
    );
    const { paused, memory } = await this.#summary();
    if (paused) throw guestPaused();
    await this.#requireListener("shutdown", "suspend");
    const suspension = new Suspension(this.#host, this.#file.domid, reason);
    this.#suspension = suspension;
    return { suspension, memory };
  }

  async setVcpus(count: number): Promise<void> {
    const { domid, config } = this.file;
    requireVcpuCount(config, count);
    await this.#summary();
    await setVcpusOnline(this.#host.store, domid, mostVcpus(config), count);
  }

  async attachDisk(disk: DiskConfig): Promise<DeviceStatus> {
    this.#refuseWhileSuspending();
    return this.#devices.attachDisk(disk);
  }
  async detachDisk(vdev: string, force: boolean): Promise<void> {
    this.#refuseWhileSuspending();
    return this.#devices.detachDisk(vdev, force);
  }
  async attachVif(vif: VifConfig): Promise<DeviceStatus> {
    this.#refuseWhileSuspending();
    return this.#devices.attachVif(vif);
  }
  async detachVif(devid: number, force: boolean): Promise<void> {
    this.#refuseWhileSuspending();
    return this.#devices.detachVif(devid, force);
  }

  async destroy(): Promise<void> {
    // Whatever it would print from now on nobody waits for.
    if (this.#ending === undefined) await this.#host.workers.run("pause", this.file.domid).catch(() => {});
    await this.#end({ reason: "killed" }, false);
    await this.#remove();
  }

  async discard(): Promise<void> {
    await this.#remove();
  }

  setAside(identity: Identity): Promise<void> {
    return this.#alone(() => this.#become(identity));
  }

  async #become({ uuid, name, dir }: Identity): Promise<void> {
    const { store, workers } = this.#host;
    const [before, earlierDir] = [this.#file, this.#dir];
    const { domid, config } = before;
    await changeIdentityInStore(store, domid, { uuid, name });
    try {
      // First: whoever finds it half renamed reads there what it is to become.
      this.#moveTo(dir, { ...before, uuid, config: { ...config, uuid, name } });
      await workers.run("set-handle", { domid, uuid });
    } catch (error) {
      await changeIdentityInStore(store, domid, { uuid: before.uuid, name: config.name });
      if (this.#dir !== earlierDir) this.#moveTo(earlierDir, before);
      removeUserData(domid, uuid, this.#host.userData);
      throw error;
    }
    this.#devices = this.#devicesOf(this.#file);
    removeUserData(domid, before.uuid, this.#host.userData);
  }

  softReset(): Promise<Instance> {
    return this.#alone(() => this.#softReset());
  }

  async #softReset(): Promise<Instance> {
    const { domid, config } = this.file;
    await softReset(this.#host, this.#devices, this.file);
    const next = new XenInstance(this.#host, this.#dir, this.file);
    await next.#devices.addAll(config.disk, config.vif);
    removeEnd(this.#dir);
    this.#host.forget(this);
    this.#remains = false;
    this.#host.watch(next);
    await this.#host.workers.run("unpause", domid);
    return next;
  }

  disconnect(): void {
    this.#host.forget(this);
  }

  /**
   * Something may have happened to the domain: the hypervisor had this of it when it was asked.
   *
   * @param asked of `performance.now()`
   */
  look(summary: DomainSummary | undefined, asked = performance.now()): void {
    if (this.#suspension?.takes(summary, asked) === true) return;
    if (summary === undefined) void this.#miss();
    else if (summary.dying) void this.#lose();
    else if (summary.shutdown !== undefined) void this.#end({ reason: exitReason(summary.shutdown) }, true);
  }

  /** It was not there: it is gone, unless it has only got another uuid since somebody asked. */
  async #miss(): Promise<void> {
    try {
      await this.#turns.idle();
      const { domid, uuid } = this.file;
      const found = await lookAt(this.#host, domid, uuid);
      if (found === undefined || found.dying) await this.#lose();
    } catch (error) {
      process.stderr.write(`domain ${this.file.uuid} cannot be looked for: ${formatError(error)}\n`);
    }
  }

  /** Somebody else ended it, or another object of ours, which has left a record. */
  async #lose(): Promise<void> {
    await this.#end({ reason: "killed", detail: "Another toolstack destroyed the domain." }, false);
    await this.#remove().catch((error: unknown) => {
      const { domid, uuid } = this.file;
      process.stderr.write(
        `what domain ${domid} (${uuid}) has left cannot be removed: ${formatError(error)}\n`,
      );
    });
  }

  /** Records the end, once, whoever sees it first. Never rejects. */
  #end(end: End, remains: boolean): Promise<void> {
    this.#ending ??= this.#finish(end, remains);
    return this.#ending;
  }

  async #finish(end: End, remains: boolean): Promise<void> {
    // Whoever waits for the guest to suspend waits for nothing.
    this.#suspension?.takes(undefined, performance.now());
    // What somebody of ours has recorded before is right, and its console's log may be another domain's by now.
    const record =
      readExit(this.#dir) ?? (await recordEnd(this.#host.workers, this.#dir, this.file, end, remains));
    this.#remains = remains;
    this.#exit.resolve(record);
  }

  /** Takes the domain and all that belongs to it away. What has failed can be tried again. */
  #remove(): Promise<void> {
    this.#removal ??= this.#turns
      .run(REMAINS, () => this.#takeAway())
      .catch((error: unknown) => {
        this.#removal = undefined;
        throw error;
      });
    return this.#removal;
  }

  async #takeAway(): Promise<void> {
    const { domid, uuid } = this.file;
    await removeDomain(this.#host, this.#devices, domid, uuid);
    this.#remains = false;
    this.#host.forget(this);
    this.#removed.resolve();
  }

  /** @throws PvhError VMM_DIED when nothing remains, or not any more */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(REMAINS, async () => {
      if (!this.#remains) throw domainEnded(this.file);
      return work();
    });
  }

  #devicesOf({ domid, uuid, config }: DomainFile): XenDevices {
    return new XenDevices(this.#host, {
      ...{ domid, uuid, dir: () => this.#dir },
      program: config.device_model_override,
    });
  }

  #moveTo(dir: string, file: DomainFile): void {
    renameSync(this.#dir, dir);
    this.#dir = dir;
    this.#describe(file);
  }

  #describe(file: DomainFile): void {
    this.#file = file;
    writeDomainFile(this.#dir, file);
    writeUserData(file.domid, file.uuid, file.config, this.#host.userData);
  }

  async #ask(node: string, request: string): Promise<void> {
    await this.#summary();
    await this.#requireListener(node, request);
    await askGuest(this.#host.store, this.file.domid, node, request);
  }

  async #requireListener(node: string, request: string): Promise<void> {
    const { domid, storeGfn } = this.file;
    const listens = await this.#host.workers.run("store-used", { domid, gfn: storeGfn });
    if (!listens) throw deaf(node, request);
  }

  #refuseWhileSuspending(): void {
    if (this.#suspension?.active !== true) return;
    throw stillBeing(this.#suspension.reason);
  }

  async #summary(): Promise<DomainSummary> {
    const { domid, uuid } = this.file;
    const asked = performance.now();
    const found = this.#ending === undefined ? await lookAt(this.#host, domid, uuid) : undefined;
    if (found !== undefined && !found.dying && found.shutdown === undefined) return found;
    // Seen before anybody told.
    if (this.#ending === undefined) this.look(found, asked);
    if (isSuspended(found)) this.#refuseWhileSuspending();
    throw domainEnded(this.file);
  }
}
