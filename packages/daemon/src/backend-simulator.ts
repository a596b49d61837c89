import { accessSync, appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type DiskConfig, type GuestConfig, type VifConfig, vdevNumber } from "@pvh/builder";
import { type ErrorCode, isErrorCode, PvhError } from "@pvh/errors";
import {
  type DeviceStatus,
  refuseTakenDisk,
  refuseTakenVif,
  requireDisk,
  requireMemoryTarget,
  requireVcpuCount,
  requireVif,
} from "@pvh/kvm";
import type { Backend, DomainStart, HostSummary, Instance, InstanceState } from "./backend.ts";
import { ExitReason, ExitRecord } from "./domain.ts";

/**
 * Domains without a hypervisor, for tests of everything above a backend. They outlive a `Domains` object as VMM
 * processes outlive the daemon. What a guest does stands in its command line:
 * `print=TEXT`, `exit=REASON` (at once), `echo` (lines until `quit`), `fail=CODE` (the start fails), `deaf` (nothing
 * can ask it to shut down). A disk whose target is `/fail/CODE` cannot be attached, nor an interface on the bridge `fail`.
 */
export class SimulatorBackend implements Backend {
  readonly name = "simulator";
  readonly #guests = new Map<string, SimulatedGuest>();
  /** Starts wait for this, so that a test can look at a domain that is being created. */
  gate: Promise<void> = Promise.resolve();
  launches = 0;

  async launch({ uuid, dir, config, startPaused }: DomainStart): Promise<Instance> {
    this.launches++;
    await this.gate;
    const script = readScript(config);
    refuseUnreadable(config.kernel);
    if (script.fail !== undefined)
      throw new PvhError(script.fail, `The simulator fails with ${script.fail}.`);
    for (const file of ["exit.json", "console.log"]) rmSync(join(dir, file), { force: true });
    const guest = new SimulatedGuest(dir, config, script);
    this.#guests.set(uuid, guest);
    if (startPaused) guest.state = "paused";
    else guest.run();
    return guest.connect();
  }

  async find(_dir: string, uuid: string): Promise<Instance | undefined> {
    const guest = this.#guests.get(uuid);
    return guest === undefined || guest.ended ? undefined : guest.connect();
  }

  async end(dir: string, uuid: string): Promise<void> {
    await (await this.find(dir, uuid))?.destroy();
  }

  exitRecord(dir: string): ExitRecord | undefined {
    try {
      return ExitRecord.parse(JSON.parse(readFileSync(join(dir, "exit.json"), "utf8")));
    } catch {
      return undefined;
    }
  }

  async openConsole(dir: string): Promise<Duplex> {
    const guest = [...this.#guests.values()].find((one) => one.dir === dir && !one.ended);
    if (guest === undefined) throw new PvhError("DOMAIN_STATE", "The simulated domain has ended.");
    return guest.openConsole();
  }

  consoleLog(dir: string): Uint8Array {
    try {
      return readFileSync(join(dir, "console.log"));
    } catch {
      return new Uint8Array();
    }
  }

  async close(): Promise<void> {}

  async checkHost(): Promise<HostSummary> {
    return { backend: this.name, usable: true, memoryAvailable: 1024 };
  }

  /** The guest itself, to make things happen to it. */
  guest(uuid: string): SimulatedGuest {
    const guest = this.#guests.get(uuid);
    if (guest === undefined) throw new Error(`the simulator has no guest ${uuid}`);
    return guest;
  }

  /** Uuids of what "runs". */
  running(): string[] {
    return [...this.#guests].filter(([, guest]) => !guest.ended).map(([uuid]) => uuid);
  }
}

interface Script {
  print: string[];
  exit?: ExitReason;
  fail?: ErrorCode;
  echo: boolean;
  deaf: boolean;
}

function readScript(config: GuestConfig): Script {
  const script: Script = { print: [], echo: false, deaf: false };
  for (const word of (config.cmdline ?? "").split(" ")) {
    const [verb, value = ""] = word.split("=", 2);
    if (verb === "print") script.print.push(value);
    if (verb === "exit") script.exit = ExitReason.parse(value);
    if (verb === "fail" && isErrorCode(value)) script.fail = value;
    if (verb === "echo") script.echo = true;
    if (verb === "deaf") script.deaf = true;
  }
  return script;
}

function refuseUnreadable(path: string): void {
  try {
    accessSync(path);
  } catch (cause) {
    throw new PvhError("FILE_UNREADABLE", `The kernel ${path} cannot be read; give a file that exists.`, {
      field: "kernel",
      found: path,
      cause,
    });
  }
}

export class SimulatedGuest {
  readonly dir: string;
  state: InstanceState = "running";
  ended = false;
  /** What clients wrote to the console. */
  input = "";
  /** It does not tell its status any more, as a stopped process does. */
  hangs = false;
  /** SysRq keys that were sent. */
  keys = "";
  memoryNow: number;
  vcpusOnline: number;
  devices: DeviceStatus[] = [];
  readonly #config: GuestConfig;
  readonly #script: Script;
  readonly #exited = Promise.withResolvers<ExitRecord>();
  readonly #consoles = new Set<Duplex>();
  #output = "";

  constructor(dir: string, config: GuestConfig, script: Script) {
    this.dir = dir;
    this.#config = config;
    this.memoryNow = config.memory;
    this.vcpusOnline = config.vcpus;
    for (const disk of config.disk) this.#attachDisk(disk);
    for (const vif of config.vif) this.#attachVif(vif);
    this.#script = script;
  }

  run(): void {
    this.state = "running";
    for (const text of this.#script.print.splice(0)) this.print(`${text}\n`);
    if (this.#script.exit !== undefined) this.end(this.#script.exit);
  }

  /** How many clients have the console open. */
  get consoles(): number {
    return this.#consoles.size;
  }

  /** Called before a pause, to let something happen at that moment. */
  pauses(): void {}

  print(text: string): void {
    this.#output += text;
    appendFileSync(join(this.dir, "console.log"), text);
    for (const console of this.#consoles) console.push(text);
  }

  /** Ends as a VMM does: with a record in the domain's directory. */
  end(reason: ExitReason, more: Partial<ExitRecord> = {}): void {
    const exit: ExitRecord = { reason, at: new Date().toISOString(), ...more };
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, "exit.json"), JSON.stringify(exit));
    this.#stop(exit);
  }

  /** Ends as a killed process does: without a word. */
  kill(): void {
    this.#stop({ reason: "vmm-died", at: new Date().toISOString() });
  }

  openConsole(): Duplex {
    const console = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        this.input += chunk.toString();
        if (this.#script.echo) this.#echo(chunk.toString());
        done();
      },
      destroy: (error, done) => {
        this.#consoles.delete(console);
        done(error);
      },
    });
    this.#consoles.add(console);
    console.push(this.#output);
    return console;
  }

  connect(): Instance {
    const change = async (state: InstanceState) => {
      this.#refuseEnded();
      this.state = state;
    };
    return {
      started: {
        pid: process.pid,
        bootInterface: this.#config.pvh_abi ?? "direct",
        platform: "bare",
        stages: [{ name: "inspect", ms: 0.25 }],
      },
      exited: this.#exited.promise,
      status: async () => {
        this.#refuseEnded();
        if (this.hangs) await new Promise(() => {});
        const { vcpus, maxvcpus = vcpus } = this.#config;
        return {
          state: this.state,
          memoryNow: this.memoryNow,
          vcpus: { online: this.vcpusOnline, max: maxvcpus },
          devices: [...this.devices],
        };
      },
      pause: async () => {
        this.pauses();
        await change("paused");
      },
      unpause: async () => {
        this.#refuseEnded();
        this.run();
      },
      shutdown: async () => {
        this.#refuseDeaf();
        await change("shutting-down");
      },
      reboot: async () => {
        this.#refuseDeaf();
        await change("shutting-down");
      },
      sysrq: async (key) => {
        this.#refuseEnded();
        this.#refuseDeaf();
        this.keys += key;
      },
      setMemory: async (memory) => {
        this.#refuseEnded();
        requireMemoryTarget(this.#config, memory);
        this.memoryNow = memory;
      },
      setVcpus: async (vcpus) => {
        this.#refuseEnded();
        requireVcpuCount(this.#config, vcpus);
        this.vcpusOnline = vcpus;
      },
      attachDisk: async (disk) => {
        this.#refuseEnded();
        refuseTakenDisk(this.devices, disk);
        return this.#attachDisk(disk);
      },
      detachDisk: async (vdev) => {
        this.#refuseEnded();
        this.#detach(requireDisk(this.devices, vdev));
      },
      attachVif: async (vif) => {
        this.#refuseEnded();
        refuseTakenVif(this.devices, vif);
        return this.#attachVif(vif);
      },
      detachVif: async (devid) => {
        this.#refuseEnded();
        this.#detach(requireVif(this.devices, devid));
      },
      destroy: async () => {
        if (!this.ended) this.end("killed");
      },
      disconnect: () => {},
    };
  }

  #attachDisk({ vdev, target, access }: DiskConfig): DeviceStatus {
    const [, code = ""] = /^\/fail\/(\w+)$/.exec(target) ?? [];
    if (isErrorCode(code)) throw new PvhError(code, `The simulator fails with ${code}.`);
    return this.#attach({
      kind: "vbd",
      id: vdevNumber(vdev) ?? 0,
      name: vdev,
      target,
      readonly: access === "r",
      state: "connected",
    });
  }

  #attachVif({ devid, mac, bridge }: VifConfig): DeviceStatus {
    if (bridge === "fail") throw new PvhError("HOST_NETWORK", "The simulator has no such bridge.");
    const taken = this.devices.filter(({ kind }) => kind === "vif").map(({ id }) => id);
    let id = devid ?? 0;
    while (devid === undefined && taken.includes(id)) id++;
    return this.#attach({
      kind: "vif",
      id,
      name: `vif${id}`,
      mac: mac ?? `00:16:3e:00:00:${id.toString(16).padStart(2, "0")}`,
      ...(bridge === undefined ? {} : { bridge }),
      state: "connected",
    });
  }

  #attach(device: DeviceStatus): DeviceStatus {
    this.devices.push(device);
    return device;
  }

  #detach(device: DeviceStatus): void {
    this.devices = this.devices.filter((one) => one !== device);
  }

  #refuseDeaf(): void {
    if (!this.#script.deaf) return;
    throw new PvhError("DOMAIN_STATE", "The guest cannot be asked; destroy it.");
  }

  #echo(text: string): void {
    for (const line of text.split("\n").slice(0, -1)) {
      if (line === "quit") this.end("poweroff");
      else this.print(`echo: ${line}\n`);
    }
  }

  #stop(exit: ExitRecord): void {
    if (this.ended) return;
    this.ended = true;
    for (const console of this.#consoles) console.push(null);
    this.#exited.resolve(exit);
  }

  #refuseEnded(): void {
    if (this.ended) throw new PvhError("VMM_DIED", "The simulated domain has ended.");
  }
}
