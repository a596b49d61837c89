import { existsSync, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type GuestConfig, refuseForeignKeys } from "@pvh/builder";
import { asPvhError, formatError, PvhError, toProblem } from "@pvh/errors";
import { connectStore, requirePrivcmd, type XenStore } from "@pvh/xenctl-ffi";
import type { Backend, DomainStart, HostDomain, HostSummary, Instance } from "../backend.ts";
import type { ExitRecord, StageTiming } from "../domain.ts";
import { endState } from "../policy.ts";
import { arrivalName, arrivalUuid, markArrival, removeArrival } from "./arrival-marker.ts";
import { coalesced } from "./coalesced.ts";
import { findGuestLog, openLoggedConsole, readLog } from "./console-log.ts";
import { openTerminalConsole } from "./console-terminal.ts";
import { cpupoolNamed } from "./cpupool.ts";
import { type DeviceHost, type DeviceOwner, XenDevices } from "./devices.ts";
import { exitReason } from "./exit.ts";
import {
  type DomainFile,
  readDomainFile,
  readExit,
  readSavedConsole,
  removeEnd,
  removeFiles,
  writeDomainFile,
} from "./files.ts";
import { findDomain } from "./find-domain.ts";
import { summaryOf } from "./host-summary.ts";
import { type InstanceHost, XenInstance } from "./instance.ts";
import { recoverMigration } from "./interrupted-migration.ts";
import { recoverSave } from "./interrupted-save.ts";
import { endQemu } from "./qemu-process.ts";
import { receiveDomain } from "./receive.ts";
import { removeDomain } from "./remove-domain.ts";
import { readHead } from "./saved/head.ts";
import { dataOfTexts, readSavedDomain } from "./saved/read-saved.ts";
import { bytesSource } from "./saved/source.ts";
import {
  domidsOf,
  enterStore,
  homeOf,
  namesOfDomains,
  refuseTakenName,
  untilConsole,
} from "./store-nodes.ts";
import { isSuspended } from "./suspension.ts";
import { removeUserData, writeUserData } from "./user-data.ts";
import type { BuiltDomain, DomainSummary } from "./worker/tasks.ts";
import { XenWorkers } from "./workers.ts";

const MIB = 2 ** 20;

/** Domains of the Xen host that this is the control domain of. */
export class XenBackend implements Backend {
  readonly name = "xen";
  readonly givesDomids = true;
  readonly #workers = new XenWorkers();
  readonly #instances = new Set<XenInstance>();
  readonly #kernelCache: string;
  #connection: Promise<XenStore> | undefined;
  /** Domains shut down or go, several at a time. */
  readonly #release = coalesced(() =>
    this.#lookAtAll().catch((error: unknown) => {
      process.stderr.write(`domains cannot be looked after: ${formatError(error)}\n`);
    }),
  );

  /** @param kernelCache directory for unpacked kernels */
  constructor(kernelCache: string) {
    this.#kernelCache = kernelCache;
  }

  async launch(start: DomainStart): Promise<Instance> {
    const { dir, config } = start;
    refuseForeignKeys(config, this.name);
    const host = await this.#host();
    removeArrival(dir);
    if (start.arrival === undefined) {
      await refuseTakenName(host.store, config.name, this.#domids());
      return this.#launch(host, start);
    }
    const { uuid } = start;
    // It may come from this hypervisor, and have its name there.
    const own = [...this.#domids(), ...(await domidsOf(host.store, uuid))];
    await refuseTakenName(host.store, config.name, new Set(own));
    await new XenDevices(host, ownerOf(dir, { uuid, config, domid: 0 })).requireOnHost(
      config.disk,
      config.vif,
    );
    return this.#launch(host, {
      ...start,
      uuid: markArrival(dir),
      config: { ...config, name: arrivalName(config.name) },
      heirOf: uuid,
    });
  }

  async #launch(host: DeviceHost, start: XenStart): Promise<Instance> {
    const { uuid, dir, startPaused } = start;
    const built = await this.#build(host, start);
    const owner = { uuid: start.heirOf ?? uuid, config: start.config, domid: built.domid };
    const devices = new XenDevices(host, ownerOf(dir, owner));
    removeFiles(dir);
    try {
      const file = await this.#furnish(host, devices, start, built);
      const instance = new XenInstance(this.#instanceHost(host), dir, file);
      this.#instances.add(instance);
      if (!startPaused) await timed(file.stages, "unpause", () => host.workers.run("unpause", built.domid));
      writeDomainFile(dir, file);
      return instance;
    } catch (error) {
      await this.#undo(host, devices, built.domid, start);
      throw error;
    }
  }

  async readSaved(file: string): Promise<GuestConfig> {
    return (await readSavedDomain(this.#workers, file)).config;
  }

  async readArrival(head: Uint8Array): Promise<GuestConfig> {
    return dataOfTexts(readHead(bytesSource(head))).config;
  }

  async find(dir: string, uuid: string): Promise<Instance | undefined> {
    const file = readDomainFile(dir);
    if (file === undefined || file.uuid !== uuid) return undefined;
    const earlier = readExit(dir);
    const host = await this.#host();
    const asked = performance.now();
    const summary = await findDomain(host, file);
    const recovered = await recoverSave(host, dir, file.domid, summary);
    if ("saved" in recovered) {
      await new XenInstance(this.#instanceHost(host), dir, file).endSaved(recovered.saved);
      return undefined;
    }
    const settled = await recoverMigration(host, dir, file.domid, recovered.found);
    if ("moved" in settled) {
      await new XenInstance(this.#instanceHost(host), dir, file).endMoved(settled.moved);
      return undefined;
    }
    const { found } = settled;
    const suspension = settled.suspension ?? recovered.suspension;
    if (found === undefined && earlier !== undefined) {
      // The daemon may have been killed while it took the last of it away.
      await removeDomain(host, new XenDevices(host, ownerOf(dir, file)), file.domid, uuid);
      return undefined;
    }
    const instance = new XenInstance(this.#instanceHost(host), dir, file);
    this.#instances.add(instance);
    if (found !== undefined && !found.dying && found.shutdown === undefined) {
      if (suspension !== undefined) await instance.goOnAfter(suspension);
      if (earlier === undefined) return instance;
      if (earlier.reason !== "killed") {
        // It had suspended, and somebody has resumed it.
        removeEnd(dir);
        return instance;
      }
      await instance.destroy();
      return undefined;
    }
    // It ended while nobody was there: the record says how.
    instance.look(found, asked);
    await instance.exited;
    return instance.remains ? instance : undefined;
  }

  async end(dir: string, uuid: string): Promise<void> {
    const host = await this.#host();
    const known = [...this.#instances].find(({ file, dir: own }) => file.uuid === uuid || own === dir);
    if (known !== undefined) {
      await known.destroy();
      return;
    }
    const domains = await host.workers.run("domains", null);
    const interim = arrivalUuid(dir);
    const found = new Map(
      domains.filter((one) => one.uuid === (interim ?? uuid)).map((one) => [one.domid, one.uuid] as const),
    );
    const file = readDomainFile(dir);
    // The store may know it longer than the hypervisor, and for one that has just arrived, earlier.
    if (file?.uuid === uuid && (await host.store.read(`${homeOf(file.domid)}/vm`)) === `/vm/${uuid}`)
      found.set(file.domid, domains.find(({ domid }) => domid === file.domid)?.uuid ?? uuid);
    for (const [domid, handle] of found) {
      await removeDomain(host, new XenDevices(host, { domid, uuid: handle, dir: () => dir }), domid, handle);
      removeUserData(domid, uuid);
    }
    // Somebody else may have taken the domain away.
    await endQemu(dir);
  }

  exitRecord(dir: string): ExitRecord | undefined {
    return readExit(dir);
  }

  async openConsole(dir: string): Promise<Duplex> {
    const instance = [...this.#instances].find((one) => one.dir === dir);
    if (instance === undefined)
      throw new PvhError("DOMAIN_STATE", "The domain has ended.", { found: "ended" });
    const { domid, log } = instance.file;
    const { store } = await this.#host();
    const tty = await store.read(`${homeOf(domid)}/console/tty`);
    if (tty === undefined || tty === "") {
      throw new PvhError("DOMAIN_STATE", "xenconsoled does not serve the domain's console; is it running?", {
        field: "console/tty",
        found: "nothing",
      });
    }
    if (log === undefined) return openTerminalConsole(tty);
    return openLoggedConsole({ log, tty }, instance.exited);
  }

  consoleLog(dir: string): Uint8Array {
    const saved = readSavedConsole(dir);
    if (saved !== undefined) return saved;
    const log = readDomainFile(dir)?.log;
    return log === undefined ? new Uint8Array() : readLog(log);
  }

  async hostDomains(): Promise<HostDomain[]> {
    const { workers, store } = await this.#host();
    const [domains, names] = await Promise.all([workers.run("domains", null), namesOfDomains(store)]);
    return domains.map((domain) => ({
      uuid: domain.uuid,
      domid: domain.domid,
      name: names.get(domain.domid) ?? "",
      state: stateOf(domain),
      memory: Math.round(domain.memory / MIB),
      vcpus: domain.vcpusOnline,
    }));
  }

  async checkHost(): Promise<HostSummary> {
    try {
      return await summaryOf(await this.#host());
    } catch (error) {
      return { backend: this.name, usable: false, problem: toProblem(asPvhError(error)) };
    }
  }

  /** Lets go of the hypervisor and the store; domains go on. */
  async close(): Promise<void> {
    this.#instances.clear();
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then(
      (store) => store.close(),
      () => {},
    );
    await this.#workers.close();
  }

  /** Of the domains whose names pvhd itself keeps apart. */
  #domids(): Set<number> {
    return new Set([...this.#instances].map(({ file }) => file.domid));
  }

  /** A domain with everything that the hypervisor keeps, new or as it was saved. */
  async #build(host: DeviceHost, { uuid, config, saved, arrival }: DomainStart): Promise<BuiltDomain> {
    const { workers, store } = host;
    const cpupool = await cpupoolNamed(store, config.pool);
    if (arrival !== undefined) {
      const { memoryMap, msrRelaxed = false } = dataOfTexts(readHead(bytesSource(arrival.head)));
      return receiveDomain(workers, { uuid, config, cpupool, memoryMap, msrRelaxed }, arrival);
    }
    if (saved === undefined) {
      return workers.run("build", { uuid, config, cache: this.#kernelCache, cpupool });
    }
    const { memoryMap, msrRelaxed = false } = await readSavedDomain(workers, saved);
    return workers.run("restore", { uuid, config, cpupool, file: saved, memoryMap, msrRelaxed });
  }

  /** What the store and the host's back ends have of a domain. */
  async #furnish(
    host: DeviceHost,
    devices: XenDevices,
    start: XenStart,
    built: BuiltDomain,
  ): Promise<DomainFile> {
    const { uuid, config, heirOf } = start;
    const { domid, stages } = built;
    await timed(stages, "store", async () => {
      await enterStore(host.store, uuid, config, built);
      writeUserData(domid, uuid, config);
      await untilConsole(host.store, domid);
    });
    const log = await findGuestLog(config.name);
    const letGo = heirOf === undefined ? [] : await suspendedDomids(host, heirOf);
    await timed(stages, "devices", () => devices.addAll(config.disk, config.vif, letGo));
    return {
      uuid,
      domid,
      config,
      bootInterface: built.bootInterface,
      stages,
      storeGfn: built.store.gfn,
      consoleGfn: built.console.gfn,
      ...(built.memoryMap === undefined ? {} : { memoryMap: built.memoryMap }),
      ...(built.msrRelaxed === true ? { msrRelaxed: true } : {}),
      ...(log === undefined ? {} : { log }),
    };
  }

  /** The first failure is what is told; a second one is only noted. */
  async #undo(
    host: DeviceHost,
    devices: XenDevices,
    domid: number,
    { uuid, dir }: DomainStart,
  ): Promise<void> {
    for (const instance of this.#instances) if (instance.file.uuid === uuid) this.#instances.delete(instance);
    try {
      await removeDomain(host, devices, domid, uuid);
      removeFiles(dir);
    } catch (error) {
      process.stderr.write(`domain ${domid} (${uuid}) cannot be removed: ${formatError(error)}\n`);
    }
  }

  async #host(): Promise<DeviceHost> {
    this.#connection ??= this.#connect();
    return { workers: this.#workers, store: await this.#connection };
  }

  #instanceHost(host: DeviceHost): InstanceHost {
    return {
      ...host,
      watch: (instance) => void this.#instances.add(instance),
      forget: (instance) => void this.#instances.delete(instance),
    };
  }

  /** Also watches for the ends of domains. */
  async #connect(): Promise<XenStore> {
    try {
      requireControlDomain();
      const store = await connectStore();
      void store.closed.then(() => {
        this.#connection = undefined;
      });
      await store.watch("@releaseDomain", this.#release);
      return store;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async #lookAtAll(): Promise<void> {
    if (this.#instances.size === 0) return;
    const asked = performance.now();
    const domains = await this.#workers.run("domains", null);
    for (const instance of [...this.#instances]) {
      const { domid, uuid } = instance.file;
      instance.look(
        domains.find((one) => one.domid === domid && one.uuid === uuid),
        asked,
      );
    }
  }
}

function ownerOf(
  dir: string,
  { domid, uuid, config }: Pick<DomainFile, "domid" | "uuid" | "config">,
): DeviceOwner {
  return { domid, uuid, dir: () => dir, program: config.device_model_override };
}

/** A start as this backend does it. */
interface XenStart extends DomainStart {
  /** The uuid of the domain that it goes on from, which is still there. */
  heirOf?: string;
}

/** Domains that have suspended, which therefore use nothing of theirs. */
async function suspendedDomids({ workers }: DeviceHost, uuid: string): Promise<number[]> {
  const domains = await workers.run("domains", null);
  return domains.filter((one) => one.uuid === uuid && isSuspended(one)).map(({ domid }) => domid);
}

function requireControlDomain(): void {
  requirePrivcmd();
  if (!existsSync("/proc/xen/capabilities")) return;
  if (readFileSync("/proc/xen/capabilities", "utf8").includes("control_d")) return;
  throw new PvhError(
    "HOST_XEN_MISSING",
    "This is a Xen guest, not the control domain (dom0): run pvhd there.",
    {
      field: "/proc/xen/capabilities",
      allowed: "control_d",
    },
  );
}

function stateOf({ dying, shutdown, paused }: DomainSummary): HostDomain["state"] {
  if (dying) return "destroyed";
  if (shutdown !== undefined) return endState(exitReason(shutdown)) === "crashed" ? "crashed" : "shutdown";
  return paused ? "paused" : "running";
}

async function timed<T>(stages: StageTiming[], name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  stages.push({ name, ms: Math.round((performance.now() - start) * 1000) / 1000 });
  return result;
}
