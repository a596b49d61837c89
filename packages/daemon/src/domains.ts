import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { DiskConfig, GuestConfig, VifConfig } from "@pvh/builder";
import { formatError, PvhError } from "@pvh/errors";
import { type DeviceStatus, requireMemoryTarget, requireVcpuCount } from "@pvh/kvm";
import type { Backend, Instance, InstanceStatus } from "./backend.ts";
import { type ConsoleSource, openConsole } from "./console.ts";
import { type DomainRecord, type DomainState, type ExitRecord, isLive } from "./domain.ts";
import { DomainTable, type Entry } from "./domain-table.ts";
import { makeDirectory } from "./make-directory.ts";
import { endState, restartsAfter } from "./policy.ts";
import { reconcile } from "./reconcile.ts";
import { Serial } from "./serial.ts";
import type { Store } from "./store.ts";

interface Settlement {
  /** False when the policy of the config is not asked. */
  restart?: boolean;
  /** When it is another one than the exit's reason says. */
  state?: DomainState | undefined;
}

export interface DomainsOptions {
  store: Store;
  backend: Backend;
  /** State directory; the runtime directories are `domains/<uuid>` in it. */
  stateDir: string;
  /** Boot id of this host. */
  hostBoot: string;
  /** Receives one line for each thing that happens to a domain. */
  log: (line: string) => void;
  /** Least time between two starts of a domain by its policy, in ms. */
  restartInterval?: number;
}

/** How long whoever asks about a domain waits for what its process knows. */
const LIVE_MS = 1000;

/** What can be changed of a live domain, as far as it is given. */
export interface DomainChange {
  /** MiB. */
  memory?: number;
  vcpus?: number;
}

/**
 * The domains and their life cycle. Changes of one domain happen one after another; of a failed create nothing stays:
 * no process, no file, no row.
 */
export class Domains {
  readonly #table: DomainTable;
  readonly #options: DomainsOptions;
  readonly #serial = new Serial();
  readonly #restartInterval: number;
  #closing = false;

  private constructor(options: DomainsOptions) {
    this.#options = options;
    this.#restartInterval = options.restartInterval ?? 1000;
    this.#table = new DomainTable(options.store, join(options.stateDir, "domains"));
  }

  /** Domains of a store that nobody looks after: for what is about the API alone. */
  static unattended(options: DomainsOptions): Domains {
    return new Domains(options);
  }

  /** Reads the store and finds again what runs. */
  static async open(options: DomainsOptions): Promise<Domains> {
    const domains = new Domains(options);
    makeDirectory(join(options.stateDir, "domains"), 0o700);
    await reconcile({
      ...options,
      table: domains.#table,
      adopt: (entry, instance) => domains.#adopt(entry, instance),
      settle: (entry, exit, state) => domains.#settle(entry, exit, { state }),
      scheduleRestart: (entry) => domains.#scheduleRestart(entry),
    });
    return domains;
  }

  list(): DomainRecord[] {
    return this.#table.entries().map((entry) => entry.record);
  }

  /** @param id uuid, name or domid */
  get(id: string): DomainRecord {
    return this.#table.find(id).record;
  }

  /**
   * Creates and starts a domain. With a uuid that a domain of the same config has already, that domain is the answer
   * and `created` is false, so that a request whose answer got lost can be sent again.
   */
  async create(
    config: GuestConfig,
    startPaused: boolean,
  ): Promise<{ domain: DomainRecord; created: boolean }> {
    this.#refuseWhenClosing();
    const uuid = (config.uuid ?? randomUUID()).toLowerCase();
    const wanted: GuestConfig = { ...config, uuid };
    const known = this.#table.byUuid(uuid);
    if (known !== undefined) {
      refuseOtherRequest(known.record, wanted, startPaused);
      await known.creation;
      return { domain: known.record, created: false };
    }
    const holder = this.#table.liveByName(config.name);
    if (holder !== undefined) throw nameTaken(holder.record);

    const entry = this.#table.add({
      uuid,
      name: config.name,
      config: wanted,
      startPaused,
      state: "creating",
      createdAt: new Date().toISOString(),
      restarts: 0,
      domid: this.#table.freeDomid(),
    });
    entry.creation = this.#serial.run(uuid, () => this.#firstStart(entry));
    await entry.creation;
    return { domain: entry.record, created: true };
  }

  pause(id: string): Promise<DomainRecord> {
    return this.#command(id, "pause", (instance) => instance.pause());
  }

  unpause(id: string): Promise<DomainRecord> {
    return this.#command(id, "unpause", (instance) => instance.unpause());
  }

  /** Asks the guest to end. */
  shutdown(id: string): Promise<DomainRecord> {
    return this.#command(id, "shutdown", (instance) => instance.shutdown());
  }

  /** Asks the guest to reboot; what happens then is its config's `on_reboot`. */
  reboot(id: string): Promise<DomainRecord> {
    return this.#command(id, "reboot", (instance) => instance.reboot());
  }

  /** @param key one character of Linux's Magic SysRq */
  sysrq(id: string, key: string): Promise<DomainRecord> {
    return this.#command(id, "take SysRq keys", (instance) => instance.sysrq(key));
  }

  /** Until the domain ends; a restart begins with what its config says. All of it is right, or nothing is changed. */
  change(id: string, { memory, vcpus }: DomainChange): Promise<DomainRecord> {
    const { config } = this.#table.find(id).record;
    if (memory !== undefined) requireMemoryTarget(config, memory);
    if (vcpus !== undefined) requireVcpuCount(config, vcpus);
    return this.#command(id, "change", async (instance) => {
      if (memory !== undefined) await instance.setMemory(memory);
      if (vcpus !== undefined) await instance.setVcpus(vcpus);
    });
  }

  /** What the domain has at the moment; undefined when nothing of it runs, or it does not answer soon. */
  async live({ uuid }: DomainRecord): Promise<InstanceStatus | undefined> {
    const instance = this.#table.byUuid(uuid)?.instance;
    if (instance === undefined) return undefined;
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), LIVE_MS);
    try {
      return await Promise.race([instance.status(), late.promise]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  devices(id: string): Promise<DeviceStatus[]> {
    return this.#withDevices(id, "show its devices", async (instance) => (await instance.status()).devices);
  }

  attachDisk(id: string, disk: DiskConfig): Promise<DeviceStatus> {
    return this.#withDevices(id, "take a disk", (instance) => instance.attachDisk(disk));
  }

  detachDisk(id: string, vdev: string, force: boolean): Promise<void> {
    return this.#withDevices(id, "let go of a disk", (instance) => instance.detachDisk(vdev, force));
  }

  attachVif(id: string, vif: VifConfig): Promise<DeviceStatus> {
    return this.#withDevices(id, "take an interface", (instance) => instance.attachVif(vif));
  }

  /** @param vif devid or MAC */
  detachVif(id: string, vif: string, force: boolean): Promise<void> {
    return this.#withDevices(id, "let go of an interface", async (instance) => {
      const devid = /^[0-9]{1,9}$/.test(vif) ? Number(vif) : vifOfMac((await instance.status()).devices, vif);
      await instance.detachVif(devid, force);
    });
  }

  /** Ends the domain now; its record stays. */
  destroy(id: string): Promise<DomainRecord> {
    return this.#exclusive(id, async (entry) => {
      if (!isLive(entry.record.state)) throw wrongState(entry.record, "destroy");
      await this.#end(entry);
      return entry.record;
    });
  }

  /** Ends the domain if it is live, and forgets it with its files. */
  async remove(id: string): Promise<void> {
    const entry = this.#table.find(id);
    const starting = entry.record.state === "creating" || entry.record.state === "rebooting";
    if (starting) await this.#cancelStart(entry);
    else await this.#exclusive(id, (found) => this.#endAndForget(found));
  }

  /** The console of a domain: the earlier output, then, while it lives, what comes. */
  console(id: string): Promise<ConsoleSource> {
    const entry = this.#table.find(id);
    return openConsole(this.#options.backend, entry.dir, isLive(entry.record.state));
  }

  /** What was printed so far, as far as it is kept. */
  consoleLog(id: string): Uint8Array {
    return this.#options.backend.consoleLog(this.#table.find(id).dir);
  }

  checkHost(): ReturnType<Backend["checkHost"]> {
    return this.#options.backend.checkHost();
  }

  /** Stops looking after the domains; those that run go on. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const entry of this.#table.entries()) clearTimeout(entry.restartTimer);
    await this.#serial.idle();
    for (const entry of this.#table.entries()) entry.instance?.disconnect();
  }

  async #firstStart(entry: Entry): Promise<void> {
    try {
      makeRuntimeDirectory(entry.dir);
      await this.#launch(entry, entry.record.startPaused);
    } catch (error) {
      await this.#forget(entry);
      this.#log(entry, `could not be created: ${formatError(error)}`);
      throw error;
    } finally {
      entry.creation = undefined;
    }
    for (const ended of this.#table.endedByName(entry.record.name)) {
      void this.#serial
        .run(ended.record.uuid, () => this.#forget(ended))
        .catch((error: unknown) => {
          this.#log(ended, `could not be forgotten: ${formatError(error)}`);
        });
    }
  }

  async #launch(entry: Entry, startPaused: boolean): Promise<void> {
    const { uuid, config, domid = this.#table.freeDomid() } = entry.record;
    const startedAt = new Date().toISOString();
    const instance = await this.#options.backend.launch({ uuid, domid, dir: entry.dir, config, startPaused });
    try {
      this.#table.update(entry, {
        state: startPaused ? "paused" : "running",
        domid: instance.started.domid ?? domid,
        run: { ...instance.started, startedAt, hostBoot: this.#options.hostBoot },
      });
    } catch (error) {
      await instance.destroy();
      throw error;
    }
    this.#adopt(entry, instance);
    this.#log(entry, startPaused ? "is created and paused" : "runs");
  }

  #adopt(entry: Entry, instance: Instance): void {
    entry.instance = instance;
    void instance.exited.then((exit) =>
      this.#serial.run(entry.record.uuid, async () => {
        // An end that nobody is left to act on waits in the domain's directory for the next daemon.
        if (entry.instance === instance && !this.#closing) this.#settle(entry, exit);
      }),
    );
  }

  /** Records the end of a run and does what the policy says. */
  #settle(
    entry: Entry,
    exit: ExitRecord,
    { restart = true, state = endState(exit.reason) }: Settlement = {},
  ): void {
    entry.instance?.disconnect();
    entry.instance = undefined;
    const { config, restarts } = entry.record;
    const again = restart && restartsAfter(exit.reason, config);
    try {
      this.#table.update(
        entry,
        again ? { state: "rebooting", exit, restarts: restarts + 1 } : { state, exit },
      );
    } catch (error) {
      // The record in memory must say what is true even when the disk is full.
      entry.record = { ...entry.record, state: again ? "rebooting" : state, exit };
      this.#log(entry, `has ended, but the database cannot be written: ${formatError(error)}`);
    }
    this.#log(entry, `ended by ${exit.reason}${again ? " and starts again" : ""}`);
    if (again) this.#scheduleRestart(entry);
  }

  #scheduleRestart(entry: Entry): void {
    const last = entry.record.run === undefined ? 0 : Date.parse(entry.record.run.startedAt);
    const wait = Math.min(Math.max(last + this.#restartInterval - Date.now(), 0), this.#restartInterval);
    clearTimeout(entry.restartTimer);
    entry.restartTimer = setTimeout(() => {
      void this.#serial.run(entry.record.uuid, () => this.#restart(entry));
    }, wait);
  }

  async #restart(entry: Entry): Promise<void> {
    if (entry.record.state !== "rebooting" || this.#closing) return;
    try {
      makeRuntimeDirectory(entry.dir);
      this.#table.update(entry, { domid: this.#table.freeDomid() });
      await this.#launch(entry, false);
    } catch (error) {
      const reason = entry.record.exit?.reason ?? "vmm-died";
      const detail = `The domain ended by ${reason}; the restart that its config asks for failed: ${formatError(error)}`;
      this.#settle(
        entry,
        { reason, at: new Date().toISOString(), detail },
        { restart: false, state: "crashed" },
      );
    }
  }

  #command(id: string, action: string, run: (instance: Instance) => Promise<void>): Promise<DomainRecord> {
    return this.#exclusive(id, async (entry) => {
      const { instance } = entry;
      if (instance === undefined) throw wrongState(entry.record, action);
      let done = false;
      try {
        await run(instance);
        done = true;
        const { state } = await instance.status();
        this.#table.update(entry, { state });
      } catch (error) {
        if (!isGone(error)) throw error;
        this.#settle(entry, await instance.exited);
        // It ended before it was told what to do, else perhaps because of it.
        if (!done) throw wrongState(entry.record, action);
      }
      return entry.record;
    });
  }

  /** Beside other actions: a guest may take its time to let go of a device, and can be destroyed meanwhile. */
  async #withDevices<T>(id: string, action: string, run: (instance: Instance) => Promise<T>): Promise<T> {
    const { instance, record } = this.#table.find(id);
    if (instance === undefined) throw wrongState(record, action);
    try {
      return await run(instance);
    } catch (error) {
      if (!isGone(error)) throw error;
      throw new PvhError(
        "DOMAIN_STATE",
        `The domain ${JSON.stringify(record.name)} ended while it was told to ${action}.`,
        { field: "state", found: "ended" },
      );
    }
  }

  async #end(entry: Entry): Promise<void> {
    clearTimeout(entry.restartTimer);
    const { instance } = entry;
    if (instance === undefined) {
      await this.#endStray(entry);
      const detail = "The domain was destroyed while pvhd did not look after a run of it.";
      this.#settle(entry, { reason: "killed", at: new Date().toISOString(), detail }, { restart: false });
      return;
    }
    await instance.destroy();
    // Even when the guest ended by itself just before: that it stays ended is what was asked for.
    this.#settle(entry, await instance.exited, { restart: false, state: "destroyed" });
  }

  async #endAndForget(entry: Entry): Promise<void> {
    if (isLive(entry.record.state)) await this.#end(entry);
    await this.#forget(entry);
    this.#log(entry, "is forgotten");
  }

  /** Does not wait for the start: ends its process, upon which the start fails. */
  async #cancelStart(entry: Entry): Promise<void> {
    await this.#endStray(entry);
    // Whichever came first: the start failed, and a creation left nothing; or it succeeded and is undone here.
    await this.#serial.run(entry.record.uuid, async () => {
      if (this.#table.byUuid(entry.record.uuid) === entry) await this.#endAndForget(entry);
    });
  }

  /** Ends what runs of a domain without being looked after. */
  async #endStray({ dir, record }: Entry): Promise<void> {
    await this.#options.backend.end(dir, record.uuid);
  }

  async #forget(entry: Entry): Promise<void> {
    clearTimeout(entry.restartTimer);
    // What did not answer may have come back since.
    if (entry.record.state === "lost") await this.#endStray(entry);
    await rm(entry.dir, { recursive: true, force: true });
    this.#table.remove(entry);
  }

  #exclusive<T>(id: string, task: (entry: Entry) => Promise<T>): Promise<T> {
    const entry = this.#table.find(id);
    return this.#serial.run(entry.record.uuid, () => {
      // It may have been forgotten while this waited.
      if (this.#table.byUuid(entry.record.uuid) !== entry) this.#table.find(entry.record.uuid);
      return task(entry);
    });
  }

  #refuseWhenClosing(): void {
    if (!this.#closing) return;
    throw new PvhError("DAEMON_UNREACHABLE", "pvhd is stopping; send the request again when it is back.");
  }

  #log({ record }: Entry, what: string): void {
    this.#options.log(`domain ${record.name} (${record.uuid}) ${what}`);
  }
}

function makeRuntimeDirectory(dir: string): void {
  try {
    makeDirectory(dir, 0o700);
  } catch (cause) {
    const sentence = `The domain's directory ${dir} cannot be made: free space on its disk, and check that pvhd may write there.`;
    throw new PvhError("DAEMON_STATE", sentence, { field: "--state", found: dir, cause });
  }
}

function isGone(error: unknown): boolean {
  return error instanceof PvhError && error.code === "VMM_DIED";
}

/** @throws PvhError DEVICE_NOT_FOUND */
function vifOfMac(devices: readonly DeviceStatus[], text: string): number {
  const mac = text.toLowerCase().replaceAll("-", ":");
  const vif = devices.find((device) => device.kind === "vif" && device.mac === mac);
  if (vif !== undefined) return vif.id;
  throw new PvhError("DEVICE_NOT_FOUND", `The domain has no interface ${JSON.stringify(text)}.`, {
    field: "vif",
    found: text,
    allowed: "devid or MAC of an interface of the domain",
  });
}

function refuseOtherRequest(known: DomainRecord, wanted: GuestConfig, startPaused: boolean): void {
  if (isDeepStrictEqual(known.config, wanted) && known.startPaused === startPaused) return;
  throw new PvhError(
    "DOMAIN_UUID_TAKEN",
    `The uuid ${known.uuid} belongs to the domain ${JSON.stringify(known.name)}, which has another config; leave uuid out, or delete that domain.`,
    { field: "uuid", found: known.uuid },
  );
}

function nameTaken(holder: DomainRecord): PvhError {
  return new PvhError(
    "DOMAIN_NAME_TAKEN",
    `The name ${JSON.stringify(holder.name)} belongs to a domain that is ${holder.state} (${holder.uuid}); choose another name, or destroy that domain.`,
    { field: "name", found: holder.name },
  );
}

function wrongState(record: DomainRecord, action: string): PvhError {
  return new PvhError(
    "DOMAIN_STATE",
    `The domain ${JSON.stringify(record.name)} is ${record.state}; only a live one can be told to ${action}.`,
    { field: "state", found: record.state },
  );
}
