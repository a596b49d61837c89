import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DiskConfig, GuestConfig, VifConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { type DeviceStatus, requireMemoryTarget, requireVcpuCount } from "@pvh/kvm";
import type {
  AfterSave,
  Backend,
  HostDomain,
  Instance,
  InstanceStatus,
  Pinning,
  Trigger,
} from "./backend.ts";
import { type DomainConsole, openConsole } from "./console.ts";
import { type DomainRecord, isLive, isPresent } from "./domain.ts";
import { DomainTable, type Entry } from "./domain-table.ts";
import { asEnded, DomainTurns } from "./domain-turns.ts";
import { LifeCycle } from "./life-cycle.ts";
import { makeDirectory } from "./make-directory.ts";
import { NewDomains, type RestoreOptions } from "./new-domains.ts";
import { reconcile } from "./reconcile.ts";
import { requireName, wrongState } from "./refusals.ts";
import { requireShare } from "./scheduling.ts";
import { Serial } from "./serial.ts";
import type { Store } from "./store.ts";
import { type Address, addressText } from "./transfer/address.ts";
import { isUndecided } from "./transfer/problems.ts";
import type { Arrival } from "./transfer/receiver.ts";
import type { Transfer } from "./transfer/sender.ts";

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
  /** Other daemons; absent when this one has nothing to prove with who it is. */
  peers?: { connect(address: Address): Promise<Transfer> } | undefined;
}

/** How long whoever asks about a domain waits for what its process knows. */
const LIVE_MS = 1000;
/** How long after its console's end a domain's own is waited for. */
const END_MS = 5000;

/** What can be changed of a live domain, as far as it is given. */
export interface DomainChange {
  /** MiB. */
  memory?: number;
  vcpus?: number;
  /** MiB that `memory` can go up to. */
  maxmem?: number;
  cpu_weight?: number;
  cap?: number;
}

/**
 * The domains and their life cycle. Changes of one domain happen one after another; of a failed create nothing stays:
 * no process, no file, no row.
 */
export class Domains {
  readonly #table: DomainTable;
  readonly #options: DomainsOptions;
  readonly #serial = new Serial();
  readonly #lifeCycle: LifeCycle;
  readonly #turns: DomainTurns;
  readonly #new: NewDomains;

  private constructor(options: DomainsOptions) {
    const { store, stateDir, restartInterval = 1000 } = options;
    this.#options = options;
    this.#table = new DomainTable(store, join(stateDir, "domains"));
    this.#lifeCycle = new LifeCycle({
      ...options,
      table: this.#table,
      serial: this.#serial,
      restartInterval,
    });
    const parts = { table: this.#table, serial: this.#serial, lifeCycle: this.#lifeCycle };
    this.#turns = new DomainTurns(parts);
    this.#new = new NewDomains({ ...parts, backend: options.backend });
  }

  /** Domains of a store that nobody looks after: for what is about the API alone. */
  static unattended(options: DomainsOptions): Domains {
    return new Domains(options);
  }

  /** Reads the store and finds again what runs. */
  static async open(options: DomainsOptions): Promise<Domains> {
    const domains = new Domains(options);
    makeDirectory(join(options.stateDir, "domains"), 0o700);
    await reconcile({ ...options, table: domains.#table, lifeCycle: domains.#lifeCycle });
    return domains;
  }

  list(): DomainRecord[] {
    return this.#table.entries().map((entry) => entry.record);
  }

  /** Domains of the host that pvhd has not made, and does not touch. */
  async foreign(): Promise<HostDomain[]> {
    const all = await this.#options.backend.hostDomains();
    return all.filter(({ uuid }) => this.#table.byUuid(uuid) === undefined);
  }

  /** A domain of the host that pvhd has not made, when `id` names one and none of pvhd's. */
  async foreignNamed(id: string): Promise<HostDomain | undefined> {
    if (this.#table.lookUp(id) !== undefined) return undefined;
    const named = ({ uuid, name, domid }: HostDomain) =>
      name === id || uuid === id.toLowerCase() || `${domid}` === id;
    return (await this.foreign()).find(named);
  }

  /** @param id uuid, name or domid */
  get(id: string): DomainRecord {
    return this.#table.find(id).record;
  }

  /** Creates and starts a domain; `created` is false when it was there already. */
  create(config: GuestConfig, startPaused: boolean): Promise<{ domain: DomainRecord; created: boolean }> {
    return this.#new.create(config, startPaused);
  }

  /** Makes a domain of a saved one. */
  restore(file: string, options: RestoreOptions): Promise<DomainRecord> {
    return this.#new.restore(file, options);
  }

  /** Takes a domain that comes from another host. */
  receive(arrival: Arrival): Promise<void> {
    return this.#new.receive(arrival);
  }

  pause(id: string): Promise<DomainRecord> {
    return this.#turns.command(id, "pause", (instance) => instance.pause());
  }

  unpause(id: string): Promise<DomainRecord> {
    return this.#turns.command(id, "unpause", (instance) => instance.unpause());
  }

  /** Asks the guest to end. */
  shutdown(id: string): Promise<DomainRecord> {
    return this.#turns.command(id, "shutdown", (instance) => instance.shutdown());
  }

  /** Asks the guest to reboot; what happens then is its config's `on_reboot`. */
  reboot(id: string): Promise<DomainRecord> {
    return this.#turns.command(id, "reboot", (instance) => instance.reboot());
  }

  /** @param key one character of Linux's Magic SysRq */
  sysrq(id: string, key: string): Promise<DomainRecord> {
    return this.#turns.command(id, "take SysRq keys", (instance) => instance.sysrq(key));
  }

  /** Until the domain ends; a restart begins with what its config says. All of it is right, or nothing is changed. */
  change(id: string, { memory, vcpus, maxmem, cpu_weight, cap }: DomainChange): Promise<DomainRecord> {
    const { config } = this.#table.find(id).record;
    if (vcpus !== undefined) requireVcpuCount(config, vcpus);
    const share = requireShare(config, cpu_weight, cap);
    return this.#turns.command(id, "change", async (instance) => {
      if (memory !== undefined) {
        const limit = maxmem ?? (await instance.status()).memoryLimit;
        requireMemoryTarget(limit === undefined ? config : { ...config, maxmem: limit }, memory);
      }
      // First what a backend may not know, so that nothing is changed then.
      if (share !== undefined) await instance.setShare(share);
      if (maxmem !== undefined) await instance.setMaxMemory(maxmem);
      if (memory !== undefined) await instance.setMemory(memory);
      if (vcpus !== undefined) await instance.setVcpus(vcpus);
    });
  }

  /** Says on which CPUs of the host vCPUs may run, until the domain ends. */
  pin(id: string, pinning: Pinning): Promise<DomainRecord> {
    return this.#turns.command(id, "have its vCPUs pinned", (instance) => instance.pin(pinning));
  }

  trigger(id: string, trigger: Trigger, vcpu: number): Promise<DomainRecord> {
    return this.#turns.command(id, "take triggers", (instance) => instance.trigger(trigger, vcpu));
  }

  /** Gives a domain, live or ended, another name for good. */
  rename(id: string, name: string): Promise<DomainRecord> {
    requireName(name);
    return this.#turns.exclusive(id, async (entry) => {
      const { record, instance } = entry;
      if (record.name === name) return record;
      if (isPresent(record)) this.#table.requireFreeName(name);
      // At once, so that nobody else gets the name meanwhile.
      this.#table.update(entry, { name, config: { ...record.config, name } });
      try {
        await instance?.rename(name);
      } catch (error) {
        this.#table.update(entry, { name: record.name, config: record.config });
        throw asEnded(error, record, "take another name");
      }
      this.#lifeCycle.log(entry, `was ${record.name}`);
      return entry.record;
    });
  }

  /**
   * Writes the memory of a live or preserved domain into a file of the host.
   *
   * @param file absolute path of a file that is not there yet
   */
  dumpCore(id: string, file: string): Promise<DomainRecord> {
    return this.#turns.exclusive(id, async (entry) => {
      const { record, instance } = entry;
      if (instance === undefined) throw wrongState(record, "be dumped");
      try {
        await instance.dumpCore(file);
      } catch (error) {
        throw asEnded(error, record, "be dumped");
      }
      return entry.record;
    });
  }

  /**
   * Writes all of a live domain into a file of the host, from which `restore` makes it again.
   *
   * @param file absolute path of a file that is not there yet
   */
  save(id: string, file: string, after: AfterSave): Promise<DomainRecord> {
    return this.#turns.exclusive(id, async (entry) => {
      const { record, instance } = entry;
      if (instance === undefined || !isLive(record.state)) throw wrongState(record, "be saved");
      entry.saving = true;
      try {
        await instance.save(file, after);
      } catch (error) {
        throw asEnded(error, record, "be saved");
      } finally {
        entry.saving = false;
      }
      this.#lifeCycle.log(entry, `is saved to ${file}`);
      if (after === "pause") this.#table.update(entry, { state: "paused" });
      if (after === "end") await this.#lifeCycle.settle(entry, await instance.exited, { policy: false });
      return entry.record;
    });
  }

  /**
   * Moves a live domain to another host.
   *
   * @param live its memory is sent while the guest still runs
   */
  migrate(id: string, address: Address, live: boolean): Promise<DomainRecord> {
    return this.#turns.exclusive(id, async (entry) => {
      const { record, instance } = entry;
      if (instance === undefined || !isLive(record.state)) throw wrongState(record, "migrate");
      entry.saving = true;
      try {
        await instance.migrate({ connect: () => this.#connect(address), live });
      } catch (error) {
        if (isUndecided(error)) this.#table.update(entry, { state: "paused" });
        throw asEnded(error, record, "migrate");
      } finally {
        entry.saving = false;
      }
      this.#lifeCycle.log(entry, `has gone to ${addressText(address)}`);
      await this.#lifeCycle.settle(entry, await instance.exited, { policy: false });
      return entry.record;
    });
  }

  async #connect(address: Address): Promise<Transfer> {
    const { peers } = this.#options;
    if (peers !== undefined) return peers.connect(address);
    throw new PvhError(
      "MIGRATION_OFF",
      "This pvhd cannot prove to another one who it is; start it with --tls-cert, --tls-key and --tls-ca.",
      { field: "--tls-cert", found: "nothing" },
    );
  }

  /** What the domain has at the moment; undefined when nothing of it runs, or it does not answer soon. */
  async live({ uuid, state }: DomainRecord): Promise<InstanceStatus | undefined> {
    const instance = this.#table.byUuid(uuid)?.instance;
    if (instance === undefined || !isLive(state)) return undefined;
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
    return this.#turns.beside(id, "show its devices", async (instance) => (await instance.status()).devices);
  }

  attachDisk(id: string, disk: DiskConfig): Promise<DeviceStatus> {
    return this.#turns.beside(id, "take a disk", (instance) => instance.attachDisk(disk));
  }

  detachDisk(id: string, vdev: string, force: boolean): Promise<void> {
    return this.#turns.beside(id, "let go of a disk", (instance) => instance.detachDisk(vdev, force));
  }

  attachVif(id: string, vif: VifConfig): Promise<DeviceStatus> {
    return this.#turns.beside(id, "take an interface", (instance) => instance.attachVif(vif));
  }

  /** @param vif devid or MAC */
  detachVif(id: string, vif: string, force: boolean): Promise<void> {
    return this.#turns.beside(id, "let go of an interface", async (instance) => {
      const devid = /^[0-9]{1,9}$/.test(vif) ? Number(vif) : vifOfMac((await instance.status()).devices, vif);
      await instance.detachVif(devid, force);
    });
  }

  /** Ends the domain now, or what was preserved of it; its record stays. */
  destroy(id: string): Promise<DomainRecord> {
    return this.#turns.breakingOff(id, async (entry) => {
      if (!isPresent(entry.record)) throw wrongState(entry.record, "destroy");
      await this.#lifeCycle.end(entry);
      return entry.record;
    });
  }

  /** Ends the domain if it is live, and forgets it with its files. */
  async remove(id: string): Promise<void> {
    const entry = this.#table.find(id);
    const { state } = entry.record;
    // What remains of its last run is dealt with first.
    const starting = (state === "creating" || state === "rebooting") && entry.instance === undefined;
    if (starting) await this.#cancelStart(entry);
    else await this.#turns.breakingOff(id, (found) => this.#lifeCycle.endAndForget(found));
  }

  /** The console of a domain: the earlier output, then, while it lives, what comes. */
  async console(id: string): Promise<DomainConsole> {
    const { dir, record, instance } = this.#table.find(id);
    const stream = await openConsole(this.#options.backend, dir, isLive(record.state));
    return { stream, recorded: () => this.#recorded(record.uuid, instance) };
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
    this.#lifeCycle.close();
    await this.#serial.idle();
    for (const entry of this.#table.entries()) entry.instance?.disconnect();
  }

  async #recorded(uuid: string, instance: Instance | undefined): Promise<void> {
    if (instance === undefined) return;
    // A console can also close without an end.
    await Promise.race([instance.exited, sleep(END_MS, undefined, { ref: false })]);
    await this.#serial.run(uuid, async () => {});
  }

  /** Does not wait for the start: ends its process, upon which the start fails. */
  async #cancelStart(entry: Entry): Promise<void> {
    await this.#lifeCycle.endStray(entry);
    // Whichever came first: the start failed, and a creation left nothing; or it succeeded and is undone here.
    await this.#serial.run(entry.record.uuid, async () => {
      if (this.#table.byUuid(entry.record.uuid) === entry) await this.#lifeCycle.endAndForget(entry);
    });
  }
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
