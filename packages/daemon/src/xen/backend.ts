import { existsSync, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { asPvhError, formatError, PvhError, toProblem } from "@pvh/errors";
import { connectStore, type XenStore } from "@pvh/xenctl-ffi";
import type { Backend, DomainStart, HostSummary, Instance } from "../backend.ts";
import type { ExitRecord, StageTiming } from "../domain.ts";
import { findGuestLog, openLoggedConsole, readLog } from "./console-log.ts";
import { openTerminalConsole } from "./console-terminal.ts";
import { type DeviceHost, XenDevices } from "./devices.ts";
import {
  type DomainFile,
  readDomainFile,
  readExit,
  readSavedConsole,
  removeFiles,
  writeDomainFile,
} from "./files.ts";
import { removeDomain, XenInstance } from "./instance.ts";
import { domidOfName, enterStore, homeOf, waitForNode } from "./store-nodes.ts";
import { writeUserData } from "./user-data.ts";
import type { BuiltDomain } from "./worker/tasks.ts";
import { XenWorkers } from "./workers.ts";

/** How long xenconsoled gets to serve a new domain, as in xl. */
const CONSOLE_MS = 10_000;
const MIB = 2 ** 20;

/** Domains of the Xen host that this is the control domain of. */
export class XenBackend implements Backend {
  readonly name = "xen";
  readonly #workers = new XenWorkers();
  readonly #instances = new Set<XenInstance>();
  readonly #kernelCache: string;
  #connection: Promise<XenStore> | undefined;

  /** @param kernelCache directory for unpacked kernels */
  constructor(kernelCache: string) {
    this.#kernelCache = kernelCache;
  }

  async launch(start: DomainStart): Promise<Instance> {
    const { uuid, dir, config, startPaused } = start;
    const host = await this.#host();
    await refuseTakenName(host.store, config.name);
    const built = await host.workers.run("build", { uuid, config, cache: this.#kernelCache });
    const devices = new XenDevices(host, built.domid, uuid);
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

  async find(dir: string, uuid: string): Promise<Instance | undefined> {
    const file = readDomainFile(dir);
    if (file === undefined || file.uuid !== uuid || readExit(dir) !== undefined) return undefined;
    const host = await this.#host();
    const found = (await host.workers.run("domains", null)).find((one) => one.uuid === uuid);
    const instance = new XenInstance(this.#instanceHost(host), dir, file);
    this.#instances.add(instance);
    if (found !== undefined && !found.dying && found.shutdown === undefined) return instance;
    // It ended while nobody was there: what is left of it goes, and the record says how.
    instance.look(found);
    await instance.exited;
    return undefined;
  }

  async end(dir: string, uuid: string): Promise<void> {
    const host = await this.#host();
    const known = [...this.#instances].find(({ file }) => file.uuid === uuid);
    if (known !== undefined) {
      await known.destroy();
      return;
    }
    const domids = new Set(
      (await host.workers.run("domains", null)).filter((one) => one.uuid === uuid).map(({ domid }) => domid),
    );
    const file = readDomainFile(dir);
    // The store may know it longer than the hypervisor.
    if (file?.uuid === uuid && (await host.store.read(`${homeOf(file.domid)}/vm`)) === `/vm/${uuid}`)
      domids.add(file.domid);
    for (const domid of domids) {
      await removeDomain(host, new XenDevices(host, domid, uuid), domid, uuid);
    }
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

  async checkHost(): Promise<HostSummary> {
    try {
      const { workers } = await this.#host();
      const { version, capabilities, freeMemory, cpus, hap } = await workers.run("host", null);
      return {
        backend: this.name,
        usable: capabilities.some((kind) => kind.startsWith("hvm-3.0")),
        version,
        device: "/dev/xen/privcmd",
        capabilities: {
          ...Object.fromEntries(capabilities.map((kind) => [kind, 1])),
          hap: hap ? 1 : 0,
          cpus,
        },
        memoryAvailable: Math.floor(freeMemory / MIB),
      };
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

  /** What the store and the host's back ends have of a domain. */
  async #furnish(
    host: DeviceHost,
    devices: XenDevices,
    start: DomainStart,
    built: BuiltDomain,
  ): Promise<DomainFile> {
    const { uuid, config } = start;
    const { domid, stages } = built;
    await timed(stages, "store", async () => {
      await enterStore(host.store, uuid, config, built);
      writeUserData(domid, uuid, config);
      await untilConsole(host.store, domid);
    });
    const log = findGuestLog(config.name);
    await timed(stages, "devices", () => devices.addAll(config.disk, config.vif));
    return {
      uuid,
      domid,
      config,
      bootInterface: built.bootInterface,
      stages,
      storeGfn: built.store.gfn,
      consoleGfn: built.console.gfn,
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

  #instanceHost(host: DeviceHost) {
    return { ...host, forget: (instance: XenInstance) => void this.#instances.delete(instance) };
  }

  /** Also watches for the ends of domains. */
  async #connect(): Promise<XenStore> {
    try {
      requireControlDomain();
      const store = await connectStore();
      void store.closed.then(() => {
        this.#connection = undefined;
      });
      await store.watch("@releaseDomain", () => void this.#lookAtAll());
      return store;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async #lookAtAll(): Promise<void> {
    if (this.#instances.size === 0) return;
    const domains = await this.#workers.run("domains", null);
    for (const instance of [...this.#instances]) {
      const { domid, uuid } = instance.file;
      instance.look(domains.find((one) => one.domid === domid && one.uuid === uuid));
    }
  }
}

function requireControlDomain(): void {
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

async function refuseTakenName(store: XenStore, name: string): Promise<void> {
  const holder = await domidOfName(store, name);
  if (holder === undefined) return;
  throw new PvhError(
    "DOMAIN_NAME_TAKEN",
    `The name ${JSON.stringify(name)} belongs to domain ${holder} of this Xen host (see xl list); choose another name, or destroy that domain.`,
    { field: "name", found: name },
  );
}

async function untilConsole(store: XenStore, domid: number): Promise<void> {
  const tty = await waitForNode(
    store,
    `${homeOf(domid)}/console/tty`,
    (value) => (value ?? "") !== "",
    CONSOLE_MS,
  );
  if (tty !== undefined) return;
  throw new PvhError(
    "HOST_UNSUPPORTED",
    `xenconsoled has given the domain no console within ${CONSOLE_MS / 1000} s; start it (service xen start, or xenconsoled).`,
    { field: "console/tty", found: "nothing" },
  );
}

async function timed<T>(stages: StageTiming[], name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  stages.push({ name, ms: Math.round((performance.now() - start) * 1000) / 1000 });
  return result;
}
