import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { cpusOfList, type GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import {
  refuseTakenDisk,
  refuseTakenVif,
  requireDisk,
  requireMemoryTarget,
  requireVcpuCount,
  requireVif,
} from "@pvh/kvm";
import type { Affinity, Identity, Instance, InstanceState, Pinning, Share } from "../backend.ts";
import type { ExitReason, ExitRecord } from "../domain.ts";
import { isUndecided } from "../transfer/problems.ts";
import type { Transfer } from "../transfer/sender.ts";
import { SimulatedDevices } from "./devices.ts";
import { memory } from "./memory.ts";
import type { Script } from "./script.ts";

/** CPUs of the simulated host. */
const HOST_CPUS = 8;

/** What a guest needs of its backend. */
interface Surroundings {
  refuseTakenName(name: string): void;
  /** It has another uuid from now on. */
  becomes(identity: Identity): void;
}

/** A domain of the simulator. What is public of it beside `connect` is there for tests. */
export class SimulatedGuest {
  dir: string;
  uuid: string;
  name: string;
  /** As given out by a hypervisor. */
  domid: number | undefined;
  state: InstanceState = "running";
  ended = false;
  /** It has ended, and is still there. */
  remains = false;
  /** What clients wrote to the console. */
  input = "";
  /** It does not tell its status any more, as a stopped process does. */
  hangs = false;
  /** SysRq keys that were sent. */
  keys = "";
  memoryNow: number;
  vcpusOnline: number;
  readonly devices = new SimulatedDevices();
  /** Triggers that were sent: `nmi 0`. */
  triggers: string[] = [];
  memoryLimit: number;
  share: Share;
  readonly affinity: Affinity[];
  readonly #config: GuestConfig;
  readonly #script: Script;
  readonly #surroundings: Surroundings;
  #exited = Promise.withResolvers<ExitRecord>();
  #gone = Promise.withResolvers<void>();
  readonly #consoles = new Set<Duplex>();
  #output = "";

  constructor(
    { uuid, name, dir }: Identity,
    config: GuestConfig,
    script: Script,
    surroundings: Surroundings,
  ) {
    const { memory, maxmem = memory, vcpus, maxvcpus = vcpus, cpu_weight: weight = 256, cap = 0 } = config;
    const { cpus = "all", cpus_soft: cpusSoft = "all" } = config;
    this.uuid = uuid;
    this.name = name;
    this.dir = dir;
    this.#config = config;
    this.#surroundings = surroundings;
    this.memoryNow = memory;
    this.memoryLimit = maxmem;
    this.vcpusOnline = vcpus;
    this.share = { weight, cap };
    this.affinity = Array.from({ length: maxvcpus }, (_, vcpu) => ({
      cpus: ofVcpu(cpus, vcpu),
      cpusSoft: ofVcpu(cpusSoft, vcpu),
    }));
    for (const disk of config.disk) this.devices.attachDisk(disk);
    for (const vif of config.vif) this.devices.attachVif(vif);
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

  /** Called before and after it gets another identity, to let something happen at that moment. */
  async moves(_done: boolean): Promise<void> {}

  /** Called before a pause, to let something happen at that moment. */
  pauses(): void {}

  /** Called before it is saved, or sent to another host, likewise. */
  async saves(): Promise<void> {}

  /** Called before what remains of it is taken away, likewise. */
  async discards(): Promise<void> {}

  /** Called before it comes into its own, likewise. */
  async arrives(): Promise<void> {}

  print(text: string): void {
    this.#output += text;
    appendFileSync(join(this.dir, "console.log"), text);
    for (const console of this.#consoles) console.push(text);
  }

  /** Ends as a VMM does: with a record in the domain's directory. */
  end(reason: ExitReason, more: Partial<ExitRecord> = {}): void {
    this.#leave({ ...more, reason }, reason !== "killed");
  }

  #leave(end: Omit<ExitRecord, "at"> & Partial<ExitRecord>, remains: boolean): void {
    const exit: ExitRecord = { at: new Date().toISOString(), ...end };
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, "exit.json"), JSON.stringify(exit));
    this.#stop(exit, remains);
  }

  /** Ends as a killed process does: without a word. */
  kill(): void {
    this.#stop({ reason: "vmm-died", at: new Date().toISOString() }, false);
  }

  /** Goes on after it has ended, as a guest that had suspended may do. */
  resume(): void {
    this.remains = false;
    this.ended = false;
    this.state = "running";
    this.#exited = Promise.withResolvers();
    this.#gone = Promise.withResolvers();
    rmSync(join(this.dir, "exit.json"), { force: true });
  }

  /** Takes away what remains, as another toolstack may do as well. */
  vanish(): void {
    this.remains = false;
    this.#gone.resolve();
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
    const remains = () => this.remains;
    return {
      started: {
        pid: process.pid,
        ...(this.domid === undefined ? {} : { domid: this.domid }),
        bootInterface: this.#config.pvh_abi ?? "direct",
        platform: "bare",
        stages: [{ name: "inspect", ms: 0.25 }],
      },
      exited: this.#exited.promise,
      gone: this.#gone.promise,
      get remains() {
        return remains();
      },
      ...this.#endings(),
      status: async () => {
        this.#refuseEnded();
        if (this.hangs) await new Promise(() => {});
        const { vcpus, maxvcpus = vcpus } = this.#config;
        return {
          state: this.state,
          memoryNow: this.memoryNow,
          memoryLimit: this.memoryLimit,
          scheduling: { ...this.share, affinity: this.affinity.map((one) => ({ ...one })) },
          vcpus: { online: this.vcpusOnline, max: maxvcpus },
          devices: [...this.devices.list],
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
        requireMemoryTarget({ ...this.#config, maxmem: this.memoryLimit }, memory);
        this.memoryNow = memory;
      },
      setMaxMemory: async (memory) => {
        this.#refuseEnded();
        if (memory < this.memoryNow)
          throw new PvhError("CONFIG_INVALID", "It has more.", { field: "maxmem" });
        this.memoryLimit = memory;
      },
      setShare: async (share) => {
        this.#refuseEnded();
        this.share = { ...this.share, ...share };
      },
      pin: async (pinning) => {
        this.#refuseEnded();
        this.#pin(pinning);
      },
      trigger: async (trigger, vcpu) => {
        this.#refuseEnded();
        if (vcpu >= this.affinity.length)
          throw new PvhError("CONFIG_INVALID", "The guest has fewer vCPUs.", { field: "vcpu", found: vcpu });
        if (trigger === "reset") throw new PvhError("HOST_UNSUPPORTED", "The simulator knows no reset.");
        this.triggers.push(`${trigger} ${vcpu}`);
      },
      rename: async (name) => {
        this.#surroundings.refuseTakenName(name);
        this.name = name;
      },
      setVcpus: async (vcpus) => {
        this.#refuseEnded();
        requireVcpuCount(this.#config, vcpus);
        this.vcpusOnline = vcpus;
      },
      attachDisk: async (disk) => {
        this.#refuseEnded();
        refuseTakenDisk(this.devices.list, disk);
        return this.devices.attachDisk(disk);
      },
      detachDisk: async (vdev) => {
        this.#refuseEnded();
        this.devices.detach(requireDisk(this.devices.list, vdev));
      },
      attachVif: async (vif) => {
        this.#refuseEnded();
        refuseTakenVif(this.devices.list, vif);
        return this.devices.attachVif(vif);
      },
      detachVif: async (devid) => {
        this.#refuseEnded();
        this.devices.detach(requireVif(this.devices.list, devid));
      },
      save: async (file, after) => {
        this.#refuseEnded();
        this.#refuseDeaf();
        await this.saves();
        this.#refuseEnded();
        writeFileSync(file, JSON.stringify({ ...this.#config, uuid: this.uuid, name: this.name }));
        if (after === "pause") this.state = "paused";
        if (after === "end") this.#leave({ reason: "suspend", detail: `It was saved to ${file}.` }, false);
      },
      migrate: async ({ connect }) => {
        this.#refuseEnded();
        this.#refuseDeaf();
        await this.#migrate(await connect());
      },
      arrive: async () => {
        await this.arrives();
        this.#refuseEnded();
      },
      destroy: async () => {
        if (!this.ended) this.end("killed");
        this.vanish();
      },
      disconnect: () => {},
    };
  }

  async #migrate(transfer: Transfer): Promise<void> {
    const config = { ...this.#config, uuid: this.uuid, name: this.name };
    try {
      await transfer.offer(Buffer.from(JSON.stringify(config)), 1);
      await transfer.pour(memory());
      await this.saves();
      this.#refuseEnded();
      await transfer.finish();
      await transfer.permit();
    } catch (error) {
      if (isUndecided(error)) this.state = "paused";
      await transfer.close(error);
      throw error;
    }
    void transfer.close();
    this.#leave({ reason: "suspend", detail: `It was migrated to ${transfer.peer}.` }, false);
  }

  /** What is done to a guest that has ended. */
  #endings() {
    return {
      discard: async () => {
        await this.discards();
        this.vanish();
      },
      dumpCore: async (file: string) => {
        if (this.ended && !this.remains) this.#refuseEnded();
        try {
          writeFileSync(file, `memory of ${this.name}`, { flag: "wx", mode: 0o600 });
        } catch (cause) {
          throw new PvhError("FILE_EXISTS", `${file} is there already.`, { field: "file", cause });
        }
      },
      setAside: async (identity: Identity) => {
        this.#surroundings.refuseTakenName(identity.name);
        await this.moves(false);
        renameSync(this.dir, identity.dir);
        this.#surroundings.becomes(identity);
        Object.assign(this, identity);
        await this.moves(true);
      },
      softReset: async () => {
        if (this.#script.deaf) throw new PvhError("HOST_UNSUPPORTED", "The simulator cannot reset it.");
        this.resume();
        return this.connect();
      },
    };
  }

  #pin({ vcpu, ...wanted }: Pinning): void {
    const { cpus = "all" } = wanted;
    if (cpusOfList(cpus, HOST_CPUS).size === 0 || (vcpu ?? 0) >= this.affinity.length) {
      throw new PvhError("CONFIG_INVALID", "The simulator has no such CPU.", { field: "cpus", found: cpus });
    }
    for (const [i, one] of this.affinity.entries()) if (i === (vcpu ?? i)) Object.assign(one, wanted);
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

  #stop(exit: ExitRecord, remains: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.remains = remains;
    for (const console of this.#consoles) console.push(null);
    this.#exited.resolve(exit);
    if (!remains) this.#gone.resolve();
  }

  #refuseEnded(): void {
    if (this.ended) throw new PvhError("VMM_DIED", "The simulated domain has ended.");
  }
}

function ofVcpu(texts: string | string[], vcpu: number): string {
  return typeof texts === "string" ? texts : (texts[vcpu] ?? "all");
}
