import type { Socket } from "node:net";
import type { DiskConfig, VifConfig } from "@pvh/builder";
import { fromProblem, PvhError } from "@pvh/errors";
import { readExitRecord } from "../exit-record.ts";
import { JsonLines } from "../json-lines.ts";
import {
  type ControlCall,
  ControlMessage,
  type ControlMethod,
  DeviceStatus,
  type ExitRecord,
  RUNTIME_FILES,
  type VmmEvent,
  VmmStatus,
} from "../protocol.ts";
import { connectIn } from "../unix-socket.ts";
import { identify, kill, type ProcessIdentity, waitUntilGone } from "./process-identity.ts";

/** How long a VMM may take to end after destroy before it is killed. */
const DESTROY_MS = 5000;
/** How long a VMM may take to greet: it may be busy unpacking a kernel. */
const HELLO_MS = 60_000;
const GONE_MS = 5000;
/** How long a VMM may take to answer a request: longer than its vCPUs may take to follow one. */
const ANSWER_MS = 10_000;
/** The same where the guest's driver has to do its part first. */
const DEVICE_ANSWER_MS = 30_000;

/** A running VMM process, seen from outside. */
export interface Vmm {
  readonly uuid: string;
  readonly pid: number;
  status(): Promise<VmmStatus>;
  /** Resolves when no instruction of the guest is executed any more. */
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Asks the guest; DOMAIN_STATE when it cannot be asked. */
  shutdown(): Promise<void>;
  /** The same for a reboot, which ends this VMM like every other end of the guest. */
  reboot(): Promise<void>;
  /** @param key one printable character of Linux's Magic SysRq */
  sysrq(key: string): Promise<void>;
  /** Tells the guest, and who looks at processes, another name. */
  rename(name: string): Promise<void>;
  /**
   * Sets what the guest's balloon driver is to keep to; the guest follows in its own time.
   *
   * @param memory MiB
   */
  setMemory(memory: number): Promise<void>;
  /** Sets how many vCPUs the guest is to have online; it follows in its own time. */
  setVcpus(vcpus: number): Promise<void>;
  /** DEVICE_TAKEN when the guest has a disk of this number. */
  attachDisk(disk: DiskConfig): Promise<DeviceStatus>;
  /**
   * DEVICE_NOT_FOUND when there is none.
   *
   * @param force without waiting for the guest to let go of it
   */
  detachDisk(vdev: string, force: boolean): Promise<void>;
  attachVif(vif: VifConfig): Promise<DeviceStatus>;
  detachVif(devid: number, force: boolean): Promise<void>;
  /** Resolves when the process has gone; a VMM that does not follow is killed. */
  destroy(): Promise<void>;
  /** Stages that were over at the time of connecting come as events too. Returns how to stop listening. */
  onEvent(listener: (event: VmmEvent) => void): () => void;
  /** Never rejects; resolves when the process has gone. Stays pending after {@link Vmm.disconnect}. */
  readonly exited: Promise<ExitRecord>;
  /** Lets the VMM run on without this connection. */
  disconnect(): void;
}

/**
 * Finds the VMM of a runtime directory; undefined when none runs there, one of another domain, or one that does not
 * greet within `patience` ms.
 */
export async function connectVmm(dir: string, uuid: string, patience = HELLO_MS): Promise<Vmm | undefined> {
  const socket = await connectIn(dir, RUNTIME_FILES.control);
  if (socket === undefined) return undefined;
  const connection = new Connection(socket, dir, patience);
  const hello = await connection.hello;
  if (hello?.uuid === uuid) return connection.vmm(hello.uuid, hello.process);
  connection.disconnect();
  return undefined;
}

interface Pending {
  timer: NodeJS.Timeout;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

class Connection {
  readonly hello: Promise<{ uuid: string; process: ProcessIdentity } | undefined>;
  readonly #socket: Socket;
  readonly #dir: string;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  readonly #hello = Promise.withResolvers<{ uuid: string; process: ProcessIdentity } | undefined>();
  readonly #exited = Promise.withResolvers<ExitRecord>();
  /** Events that nobody has listened to yet. */
  #early: VmmEvent[] = [];
  #record: ExitRecord | undefined;
  #process: ProcessIdentity | undefined;
  #destroying = false;
  #disconnected = false;
  #nextId = 1;

  constructor(socket: Socket, dir: string, patience: number) {
    this.#socket = socket;
    this.#dir = dir;
    this.hello = this.#hello.promise;
    const lines = new JsonLines();
    const timer = setTimeout(() => socket.destroy(), patience).unref();
    void this.hello.then(() => clearTimeout(timer));
    socket.on("data", (chunk) => {
      try {
        for (const line of lines.feed(chunk)) this.#receive(line);
      } catch {
        // Not our protocol.
        socket.destroy();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => void this.#closed());
  }

  vmm(uuid: string, { pid }: ProcessIdentity): Vmm {
    const ask = async (call: ControlCall) => {
      await this.#call(call);
    };
    return {
      uuid,
      pid,
      status: async () => VmmStatus.parse(await this.#call({ method: "status" })),
      pause: () => ask({ method: "pause" }),
      unpause: () => ask({ method: "unpause" }),
      shutdown: () => ask({ method: "shutdown" }),
      reboot: () => ask({ method: "reboot" }),
      sysrq: (key) => ask({ method: "sysrq", key }),
      rename: (name) => ask({ method: "rename", name }),
      setMemory: (memory) => ask({ method: "set-memory", memory }),
      setVcpus: (vcpus) => ask({ method: "set-vcpus", vcpus }),
      attachDisk: async (disk) => DeviceStatus.parse(await this.#call({ method: "attach-disk", disk })),
      detachDisk: (vdev, force) => ask({ method: "detach-disk", vdev, force }),
      attachVif: async (vif) => DeviceStatus.parse(await this.#call({ method: "attach-vif", vif })),
      detachVif: (devid, force) => ask({ method: "detach-vif", devid, force }),
      destroy: () => this.#destroy(),
      onEvent: (listener) => this.#listen(listener),
      exited: this.#exited.promise,
      disconnect: () => this.disconnect(),
    };
  }

  disconnect(): void {
    this.#disconnected = true;
    this.#socket.destroy();
  }

  #call(call: ControlCall): Promise<unknown> {
    if (this.#socket.destroyed) return Promise.reject(gone());
    const id = this.#nextId++;
    const patience = isAboutDevices(call.method) ? DEVICE_ANSWER_MS : ANSWER_MS;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(deaf(call.method, patience));
      }, patience);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ id, ...call })}\n`);
    });
  }

  async #destroy(): Promise<void> {
    if (this.#disconnected) throw gone();
    this.#destroying = true;
    // The connection may end before the answer; that the process goes is what counts.
    this.#call({ method: "destroy" }).catch(() => {});
    const timer = setTimeout(() => this.#process !== undefined && kill(this.#process), DESTROY_MS);
    await this.#exited.promise;
    clearTimeout(timer);
  }

  #listen(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    const early = this.#early;
    this.#early = [];
    for (const event of early) listener(event);
    return () => this.#listeners.delete(listener);
  }

  #receive(line: unknown): void {
    const message = ControlMessage.parse(line);
    if ("hello" in message) {
      const process = identify(message.hello.pid);
      this.#process = process;
      this.#hello.resolve(process === undefined ? undefined : { uuid: message.hello.uuid, process });
    } else if ("event" in message) {
      if (message.event === "exit") this.#record = message.record;
      if (this.#listeners.size === 0 && this.#early.length < 64) this.#early.push(message);
      for (const listener of this.#listeners) listener(message);
    } else {
      const pending = this.#pending.get(message.id);
      clearTimeout(pending?.timer);
      this.#pending.delete(message.id);
      if ("error" in message) pending?.reject(fromProblem(message.error));
      else pending?.resolve(message.result);
    }
  }

  async #closed(): Promise<void> {
    this.#hello.resolve(undefined);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(gone());
    }
    this.#pending.clear();
    if (this.#disconnected || this.#process === undefined) return;
    if (!(await waitUntilGone(this.#process, GONE_MS))) kill(this.#process);
    await waitUntilGone(this.#process, GONE_MS);
    this.#exited.resolve(this.#record ?? readExitRecord(this.#dir) ?? this.#unrecorded());
  }

  #unrecorded(): ExitRecord {
    const at = new Date().toISOString();
    return this.#destroying
      ? { reason: "killed", at, detail: "its VMM process did not end by itself and was killed" }
      : { reason: "vmm-died", at, detail: "its VMM process ended without a word" };
  }
}

function gone(): PvhError {
  return new PvhError("VMM_DIED", "The connection to the domain's VMM process has ended.");
}

function isAboutDevices(method: ControlMethod): boolean {
  return method.startsWith("attach-") || method.startsWith("detach-");
}

function deaf(method: ControlMethod, patience: number): PvhError {
  return new PvhError(
    "VMM_UNRESPONSIVE",
    `The domain's VMM process has not answered ${method} within ${patience / 1000} s; look whether it was stopped by a signal, or destroy the domain.`,
    { field: "method", found: method },
  );
}
