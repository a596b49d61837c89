import { rmSync } from "node:fs";
import { type DomainImage, segments } from "@pvh/builder";
import { asPvhError, hex, PvhError, toProblem } from "@pvh/errors";
import { ConsoleServer } from "../console/server.ts";
import { writeExitRecord } from "../exit-record.ts";
import { openKvm } from "../host/kvm.ts";
import { requireMemory } from "../host/memory.ts";
import { trapsHypercalls } from "../platform-xen/machine.ts";
import type { OpenXen } from "../platform-xen/shared.ts";
import {
  type ControlCall,
  type DomainFile,
  type ExitReason,
  type ExitRecord,
  RUNTIME_FILES,
  type StageTiming,
  VMM_TITLE,
  type VmmState,
  type VmmStatus,
} from "../protocol.ts";
import { removeRuntimeFiles } from "../runtime-files.ts";
import type { Doorbell } from "../shared/doorbell.ts";
import { REQUEST } from "../shared/vcpu-control.ts";
import type { GuestEnd } from "../vcpu/setup.ts";
import { ControlServer } from "./control-server.ts";
import { readCounters } from "./counters.ts";
import { planImage } from "./image.ts";
import type { LauncherPipe } from "./launcher-pipe.ts";
import { createMachine, loadVcpus, type Machine } from "./machine.ts";
import { Stages } from "./stages.ts";
import { steer } from "./steer.ts";
import { VcpuHandle } from "./vcpu-handle.ts";
import { XenGuest } from "./xen-guest.ts";

/** How long a guest that was asked to shut down on SIGTERM gets before it is destroyed. */
const GRACE_MS = 10_000;

/** The one domain of this process, from its sockets to its exit record. */
export class Domain {
  readonly #file: DomainFile;
  readonly #launcher: LauncherPipe;
  readonly #control: ControlServer;
  readonly #console: ConsoleServer;
  readonly #stages: Stages;
  readonly #handles: VcpuHandle[];
  readonly #over = new AbortController();
  #state: VmmState = "creating";
  #terminating = false;
  /** Nobody is left who would read or remove the runtime files. */
  #abandoned = false;
  #image: DomainImage | undefined;
  #machine: Machine | undefined;
  #guest: XenGuest | undefined;

  constructor(file: DomainFile, launcher: LauncherPipe) {
    this.#file = file;
    this.#launcher = launcher;
    this.#console = new ConsoleServer(".");
    this.#stages = new Stages(this.#over.signal, (stage) =>
      this.#control.broadcast({ event: "stage", stage }),
    );
    this.#control = new ControlServer(this);
    // First of all, because starting a thread takes longer than most stages.
    this.#handles = Array.from({ length: file.config.maxvcpus ?? file.config.vcpus }, () => new VcpuHandle());
  }

  get uuid(): string {
    return this.#file.uuid;
  }

  get stages(): readonly StageTiming[] {
    return this.#stages.finished;
  }

  /** Creates the domain and lets it run. A failure is told to the launcher, and nothing stays behind. */
  async start(): Promise<void> {
    try {
      await this.#control.listen();
      await this.#console.listen();
      await this.#meetLauncher();
      await this.#create();
    } catch (error) {
      // Ended while it was being created: the record is written already.
      if (this.#state === "shutting-down") return;
      this.#state = "shutting-down";
      if (asPvhError(error).code === "INTERNAL") console.error(error);
      await this.#launcher.tell({ failed: { ...toProblem(error) } });
      await this.#closeSockets();
      process.exit(1);
    }
  }

  /** A launcher that dies before it has connected leaves a domain that nobody knows of: it is given up. */
  async #meetLauncher(): Promise<void> {
    const detail = "the process that started it ended";
    let met = !this.#launcher.open;
    this.#launcher.onClose(() => {
      this.#abandoned = this.#file.attached || !met;
      if (this.#abandoned) void this.#end({ reason: "killed", detail });
    });
    if (met) return;
    await this.#launcher.tell({ listening: true });
    await this.#control.firstClient;
    met = true;
  }

  async #create(): Promise<void> {
    const { config, startPaused, attached } = this.#file;
    const kvmFd = openKvm();
    requireMemory(config.memory * 2 ** 20);
    const image = await planImage(config, this.#stages, trapsHypercalls(kvmFd));
    this.#image = image;
    const machine = await this.#stages.run("allocate", () => {
      const { domid = 1, uuid } = this.#file;
      const limits = {
        maxGrantFrames: config.max_grant_frames,
        maxMaptrackFrames: config.max_maptrack_frames,
        maxEventChannels: config.max_event_channels,
      };
      return createMachine(kvmFd, image, { domid, uuid, ...limits }, this.#handles);
    });
    this.#machine = machine;
    await this.#stages.run("place", () => {
      for (const { gpa, bytes } of segments(image)) machine.memory.bytes(gpa, bytes.length).set(bytes);
    });
    const refused = await this.#stages.run("context", () => loadVcpus(machine, this.#handles, image.vcpu));
    // The guest can do without, but whoever asks why it behaves otherwise elsewhere finds it in the log.
    if (refused.length > 0)
      console.error(`The host's KVM refuses these MSRs: ${refused.map(hex).join(", ")}.`);
    await this.#stages.run("devices", () => this.#connectDevices(machine));
    await this.#stages.run("unpause", () => this.#become(startPaused ? "paused" : "running"));
    await this.#launcher.tell({ launched: this.#status() });
    if (!attached) this.#launcher.release();
  }

  async #connectDevices({ doorbell, serial, xen, eventDoorbell }: Machine): Promise<void> {
    const guest = xen && this.#connectXen(xen, eventDoorbell, () => serial.takeUnread());
    await guest?.addDevices();
    this.#console.connectGuest((bytes) => (guest?.hasConsole ? guest.feed(bytes) : serial.feed(bytes)));
    void doorbell.listen(() => {
      this.#drainConsole();
      this.#console.inputTaken();
    }, this.#over.signal);
    for (const vcpu of this.#handles) {
      vcpu.ended.then(
        (end) => (end === undefined ? undefined : this.#end(end)),
        (error) => this.#end({ reason: "vmm-died", detail: `the VMM failed: ${error.message}` }),
      );
    }
  }

  #connectXen(xen: OpenXen, doorbell: Doorbell, takeUnread: () => Uint8Array): XenGuest | undefined {
    const image = this.#image;
    if (image === undefined) return undefined;
    const { config, uuid } = this.#file;
    const guest = new XenGuest({
      xen,
      image,
      config,
      uuid,
      output: (bytes) => this.#console.output(bytes),
      inputTaken: () => this.#console.inputTaken(),
      takeUnread,
    });
    this.#guest = guest;
    void doorbell.listen(() => guest.deliver(), this.#over.signal);
    return guest;
  }

  #drainConsole(): void {
    const chunk = this.#machine?.output.drain();
    if (chunk !== undefined) this.#console.output(chunk);
  }

  #become(state: "paused" | "running"): void {
    if (state === "running") for (const vcpu of this.#handles) vcpu.ask(REQUEST.run);
    this.#setState(state);
  }

  #setState(state: VmmState): void {
    this.#state = state;
    this.#control.broadcast({ event: "state", state });
  }

  /** A request from the control socket. */
  async call(request: ControlCall): Promise<unknown> {
    const { method } = request;
    if (method === "status") return this.#status();
    if (method === "destroy") return void this.#end({ reason: "killed", detail: "it was destroyed" });
    if (this.#state !== "running" && this.#state !== "paused") {
      throw new PvhError(
        "DOMAIN_STATE",
        `The domain is ${this.#state}; it must be running or paused to ${method} it.`,
        {
          field: "state",
          found: this.#state,
          allowed: "running, paused",
        },
      );
    }
    if (method === "pause") return this.#pause();
    if (method === "unpause") return this.#become("running");
    if (method === "shutdown") return this.#askToShutDown();
    if (method === "rename") return this.#rename(request.name);
    return steer(this.#guest, this.#file.config, this.#state === "paused", request);
  }

  /** As others see the domain: the guest in its store, this host in its list of processes. */
  #rename(name: string): void {
    process.title = `${VMM_TITLE} ${name}`;
    this.#guest?.rename(name);
  }

  async #pause(): Promise<void> {
    await Promise.all(this.#handles.map((vcpu) => vcpu.pause()));
    if (this.#state === "running") this.#setState("paused");
  }

  /** False when the guest cannot be asked. */
  #requestPowerOff(): boolean {
    if (this.#state !== "running") return false;
    if (this.#image?.platform === "xen") return this.#guest?.request("poweroff") === true;
    return this.#machine?.acpi.pressPowerButton() === true;
  }

  #askToShutDown(): void {
    if (this.#requestPowerOff()) return;
    throw new PvhError(
      "DOMAIN_STATE",
      this.#state === "paused"
        ? "The domain is paused, so that its guest cannot be asked to shut down; unpause it, or destroy it."
        : "The guest does not listen for a request to shut down; shut it down from inside, or destroy it.",
      { field: "state", found: this.#state },
    );
  }

  /** SIGTERM: ask, wait, destroy; at once when the guest cannot be asked or this is the second time. */
  terminate(): void {
    const detail = "the VMM was told to end (SIGTERM)";
    const again = this.#terminating;
    this.#terminating = true;
    if (again || !this.#requestPowerOff()) void this.#end({ reason: "killed", detail });
    else setTimeout(() => this.#end({ reason: "killed", detail }), GRACE_MS).unref();
  }

  #status(): VmmStatus {
    const { memory, vcpus, maxvcpus = vcpus } = this.#file.config;
    return {
      uuid: this.uuid,
      pid: process.pid,
      state: this.#state,
      stages: [...this.stages],
      ...(this.#image === undefined
        ? {}
        : { bootInterface: this.#image.bootInterface, platform: this.#image.platform }),
      memory,
      memoryNow: this.#guest?.memoryMiB ?? memory,
      vcpus: { online: this.#guest?.onlineVcpus ?? vcpus, max: maxvcpus },
      devices: this.#guest?.devices() ?? [],
      counters: readCounters(this.#handles.map(({ control }) => control)),
    };
  }

  /** The domain is over: stops the vCPUs, keeps the record, tells everyone, ends the process. The first call counts. */
  async #end(end: GuestEnd): Promise<void> {
    if (this.#over.signal.aborted) return;
    const creating = this.#state === "creating";
    this.#setState("shutting-down");
    this.#over.abort();
    const stopped = await Promise.allSettled(this.#handles.map((vcpu) => vcpu.stop()));
    this.#drainConsole();
    this.#guest?.drainConsole();
    const record = this.#record(end);
    keepRecord(record);
    this.#control.broadcast({ event: "exit", record });
    if (creating) await this.#launcher.tell({ failed: { ...toProblem(endedEarly(end.reason)) } });
    await this.#closeSockets();
    if (this.#abandoned) removeRuntimeFiles(process.cwd());
    // Node would wait for ever for a thread that does not leave KVM_RUN.
    if (stopped.some(({ status }) => status === "rejected")) process.kill(process.pid, "SIGKILL");
    process.exit(0);
  }

  #record({ reason, detail, report }: GuestEnd): ExitRecord {
    const lastConsoleLine = this.#console.lastLine();
    return {
      reason,
      at: new Date().toISOString(),
      ...(detail === undefined ? {} : { detail }),
      ...(report === undefined ? {} : { report }),
      ...(lastConsoleLine === undefined ? {} : { lastConsoleLine }),
    };
  }

  /** Resolves when the clients have all that was sent to them, or do not take it. */
  async #closeSockets(): Promise<void> {
    await Promise.all([this.#console.close(), this.#control.close()]);
    for (const name of [RUNTIME_FILES.control, RUNTIME_FILES.console]) rmSync(name, { force: true });
  }

  /** The last act of the process, whatever ends it: Node waits for its threads, and one in KVM_RUN never returns by itself. */
  kickAll(): void {
    for (const vcpu of this.#handles) vcpu.ask(REQUEST.stop);
  }
}

/** A disk that is full costs the file; whoever is connected learns the end all the same. */
function keepRecord(record: ExitRecord): void {
  try {
    writeExitRecord(".", record);
  } catch (error) {
    console.error(error);
  }
}

function endedEarly(reason: ExitReason): PvhError {
  return new PvhError("DOMAIN_STATE", `The domain ended while it was being created (${reason}).`, {
    found: reason,
  });
}
