import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestConfig, type GuestConfigInput } from "@pvh/builder";
import { encodeMessage, LocalClient, populateDomain0, Store, StoreConnection } from "@pvh/kvm/xenstore";
import { type StoreTransport, type TransportListener, XenStore } from "@pvh/xenctl-ffi";
import { socketPair } from "@pvh/xenctl-ffi/native";
import type { DomainFile } from "./files.ts";
import { waitAtGate } from "./gate.ts";
import { type InstanceHost, XenInstance } from "./instance.ts";
import { enterStore } from "./store-nodes.ts";
import type {
  BuiltDomain,
  DomainSummary,
  ReceiveRequest,
  SaveRequest,
  SendRequest,
  TaskInput,
  TaskName,
  TaskNotices,
  TaskOutput,
} from "./worker/tasks.ts";
import { XenWorkers } from "./workers.ts";

const MIB = 2 ** 20;
/** Of the one domain. */
const DOMID = 5;

/** A Xen host of which only the store is one: the hypervisor notes what it is told to do. */
export class FakeHost implements InstanceHost, AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "pvhd-xen-"));
  readonly userData = mkdtempSync(join(tmpdir(), "pvhd-libxl-"));
  readonly workers = new FakeWorkers();
  readonly store: FakeXenStore;
  /** Instances that are told when something may have happened. */
  readonly watching = new Set<XenInstance>();

  constructor() {
    const store = new Store();
    populateDomain0(new LocalClient(store));
    store.domains.add(DOMID, store.generation);
    this.store = new FakeXenStore(new OwnTransport(store));
  }

  watch(instance: XenInstance): void {
    this.watching.add(instance);
  }

  forget(instance: XenInstance): void {
    this.watching.delete(instance);
  }

  /** A running domain, as `XenBackend.launch` leaves it but for its devices. */
  async start(
    uuid: string,
    changes: Partial<GuestConfigInput> & { bootInterface?: "classic" | "direct" } = {},
  ): Promise<XenInstance> {
    const { bootInterface = "direct", ...keys } = changes;
    const config = GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", memory: 64, uuid, ...keys });
    const domid = DOMID;
    const file: DomainFile = {
      uuid,
      domid,
      config,
      bootInterface,
      stages: [],
      storeGfn: 0xfeffd,
      consoleGfn: 0xfefff,
    };
    await enterStore(this.store, uuid, config, {
      domid,
      store: { gfn: file.storeGfn, port: 1 },
      console: { gfn: file.consoleGfn, port: 2 },
    });
    this.workers.domains.push({
      domid,
      uuid,
      paused: false,
      dying: false,
      memory: config.memory * MIB,
      vcpusOnline: config.vcpus,
      cpuTime: 0n,
    });
    const instance = new XenInstance(this, this.dir, file);
    this.watching.add(instance);
    return instance;
  }

  /** As `@releaseDomain` has the backend do. */
  released(): void {
    const { domains } = this.workers;
    for (const instance of this.watching) {
      instance.look(domains.find(({ uuid }) => uuid === instance.file.uuid));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store.close();
    await this.workers.close();
    for (const dir of [this.dir, this.userData]) rmSync(dir, { recursive: true, force: true });
  }
}

/** Does what the threads that call the hypervisor do, as far as instances notice. */
export class FakeWorkers extends XenWorkers {
  domains: DomainSummary[] = [];
  /** What it was told to do, but for questions. */
  readonly told: [name: TaskName, input: unknown][] = [];
  /** What the next call of a name waits for. */
  readonly gates = new Map<TaskName, Promise<void>>();
  /** What the next call of a name fails with. */
  readonly failures = new Map<TaskName, Error>();

  /** How a domain is saved: it has its guest suspended, and then says whether that is so. */
  saves: (request: SaveRequest, suspended: () => Promise<boolean>) => Promise<void> = async () => {};

  /** How a domain is sent, likewise. */
  sends: (request: SendRequest, suspended: () => Promise<boolean>) => Promise<void> = async () => {};

  /** How a domain is made of what comes in. */
  receives: (request: ReceiveRequest, ready: () => void) => Promise<BuiltDomain> = async () => {
    throw new Error("nothing is received");
  };

  override async run<Name extends TaskName>(
    name: Name,
    input: TaskInput<Name>,
    notices: TaskNotices = {},
  ): Promise<TaskOutput<Name>> {
    const gate = this.gates.get(name);
    this.gates.delete(name);
    await gate;
    const failure = this.failures.get(name);
    this.failures.delete(name);
    if (failure !== undefined) throw failure;
    if (name === "save") {
      const request = input as SaveRequest;
      await this.saves(request, () => suspension(request.gate, notices));
    }
    if (name === "send") {
      const request = input as SendRequest;
      await this.sends(request, () => suspension(request.gate, notices));
    }
    if (name === "receive") {
      const ready = () => notices.created?.(DOMID);
      return (await this.receives(input as ReceiveRequest, ready)) as TaskOutput<Name>;
    }
    if (name === "socket-pair") return socketPair() as TaskOutput<Name>;
    return this.#answer(name, input) as TaskOutput<Name>;
  }

  /** The names of what it was told to do. */
  get calls(): TaskName[] {
    return this.told.map(([name]) => name);
  }

  shutDown(uuid: string, reason: number): void {
    this.#change(uuid, { shutdown: reason });
  }

  #change(uuid: string, change: Partial<DomainSummary>): void {
    this.domains = this.domains.map((one) => (one.uuid === uuid ? { ...one, ...change } : one));
  }

  #answer(name: TaskName, input: unknown): unknown {
    switch (name) {
      case "domains":
        return this.domains;
      case "domain":
        return this.domains.find(({ domid }) => domid === input) ?? null;
      case "console-drained":
        return true;
      case "scheduling":
        return { weight: 256, cap: 0, affinity: [{ cpus: "all", cpusSoft: "all" }] };
      case "registers":
        return { vcpu: 0, rip: "0x1234", registers: { rip: "0x1234" }, lastExits: [] };
    }
    this.told.push([name, input]);
    if (name === "destroy") this.domains = this.domains.filter(({ domid }) => domid !== input);
    if (name === "set-handle") this.domains = this.domains.map((one) => ({ ...one, ...Object(input) }));
    if (name === "store-used") return true;
    if (name === "resume") this.domains = this.domains.map(({ shutdown: _, ...one }) => one);
    if (name === "soft-reset") this.domains = this.domains.map(({ shutdown: _, ...one }) => one);
    return null;
  }
}

/** What a thread waits for at the gate, without stopping this one. */
async function suspension(gate: SharedArrayBuffer, { suspend }: TaskNotices): Promise<boolean> {
  suspend?.();
  const { value } = Atomics.waitAsync(new Int32Array(gate), 0, 0);
  await value;
  return waitAtGate(gate);
}

/** The store of `@pvh/kvm`, to which domains are introduced without more. */
export class FakeXenStore extends XenStore {
  readonly introduced: number[] = [];
  readonly released: number[] = [];
  readonly resumed: number[] = [];

  override async resume(domid: number): Promise<void> {
    this.resumed.push(domid);
  }
  override async introduce(domid: number): Promise<void> {
    this.introduced.push(domid);
  }
  override async release(domid: number): Promise<void> {
    this.released.push(domid);
  }
}

class OwnTransport implements StoreTransport {
  readonly #store: Store;
  #connection: StoreConnection | undefined;

  constructor(store: Store) {
    this.#store = store;
  }
  open(listener: TransportListener): void {
    this.#connection = new StoreConnection(this.#store, 0, (message) =>
      setImmediate(() => listener.received(encodeMessage(message))),
    );
  }
  send(message: Uint8Array): void {
    this.#connection?.receive(message);
  }
  close(): void {
    this.#connection?.close();
  }
}
