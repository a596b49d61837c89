import { accessSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { GuestConfig, refuseForeignKeys } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { Backend, DomainStart, HostDomain, HostSummary, Instance } from "../backend.ts";
import { ExitRecord } from "../domain.ts";
import { SimulatedGuest } from "./guest.ts";
import { takeMemory } from "./memory.ts";
import { readScript } from "./script.ts";

/**
 * Domains without a hypervisor, for tests of everything above a backend. They outlive a `Domains` object as VMM
 * processes outlive the daemon, and remain when they have ended, as Xen's do. What a guest does stands in its command line:
 * `print=TEXT`, `exit=REASON` (at once), `echo` (lines until `quit`), `fail=CODE` (the start fails), `deaf` (nothing
 * can ask it to shut down). A disk whose target is `/fail/CODE` cannot be attached, nor an interface on the bridge `fail`.
 */
export class SimulatorBackend implements Backend {
  /** That of another backend makes it refuse the configs that that one refuses. */
  readonly name: string;
  /** The domids of the next domains, as a hypervisor gives them out. */
  domids: number[] | undefined;
  /** Domains that somebody else has made. */
  foreign: HostDomain[] = [];
  readonly #guests = new Map<string, SimulatedGuest>();
  /** Starts wait for this, so that a test can look at a domain that is being created. */
  gate: Promise<void> = Promise.resolve();
  launches = 0;

  constructor(name = "simulator") {
    this.name = name;
  }

  get givesDomids(): boolean {
    return this.domids !== undefined;
  }

  async launch({ uuid, dir, config, startPaused, arrival }: DomainStart): Promise<Instance> {
    this.launches++;
    await this.gate;
    if (arrival !== undefined) await takeMemory(arrival);
    refuseForeignKeys(config, this.name);
    this.#refuseTakenName(config.name);
    const script = readScript(config);
    refuseUnreadable(config.kernel);
    if (script.fail !== undefined)
      throw new PvhError(script.fail, `The simulator fails with ${script.fail}.`);
    for (const file of ["exit.json", "console.log"]) rmSync(join(dir, file), { force: true });
    const guest = new SimulatedGuest({ uuid, name: config.name, dir }, config, script, {
      refuseTakenName: (name) => this.#refuseTakenName(name),
      becomes: (identity) => {
        this.#guests.delete(guest.uuid);
        this.#guests.set(identity.uuid, guest);
      },
    });
    guest.domid = this.domids?.shift();
    this.#guests.set(uuid, guest);
    if (startPaused) guest.state = "paused";
    else guest.run();
    return guest.connect();
  }

  async readSaved(file: string): Promise<GuestConfig> {
    try {
      return GuestConfig.parse(JSON.parse(readFileSync(file, "utf8")));
    } catch (cause) {
      throw new PvhError("SAVED_FORMAT", `${file} is no saved domain.`, { field: "file", cause });
    }
  }

  async readArrival(head: Uint8Array): Promise<GuestConfig> {
    try {
      return GuestConfig.parse(JSON.parse(new TextDecoder().decode(head)));
    } catch (cause) {
      throw new PvhError("SAVED_FORMAT", "It is no domain.", { cause });
    }
  }

  async find(_dir: string, uuid: string): Promise<Instance | undefined> {
    const guest = this.#guests.get(uuid);
    return guest === undefined || (guest.ended && !guest.remains) ? undefined : guest.connect();
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

  async hostDomains(): Promise<HostDomain[]> {
    const own = this.#present().map(
      ({ uuid, name, memoryNow, vcpusOnline }, i): HostDomain => ({
        uuid,
        domid: i + 1,
        name,
        state: "running",
        memory: memoryNow,
        vcpus: vcpusOnline,
      }),
    );
    return [...this.foreign, ...own];
  }

  async checkHost(): Promise<HostSummary> {
    return {
      backend: this.name,
      usable: true,
      version: "1.0",
      memoryTotal: 2048,
      memoryAvailable: 1024,
      cpupools: [{ name: "Pool-0", scheduler: "credit2", cpus: "all", domains: this.#guests.size }],
    };
  }

  /** The guest itself, to make things happen to it. */
  guest(uuid: string): SimulatedGuest {
    const guest = this.#guests.get(uuid);
    if (guest === undefined) throw new Error(`the simulator has no guest ${uuid}`);
    return guest;
  }

  /** Uuids of what has ended, but remains. */
  remaining(): string[] {
    return this.#present()
      .filter(({ remains }) => remains)
      .map(({ uuid }) => uuid);
  }

  #present(): SimulatedGuest[] {
    return [...this.#guests.values()].filter(({ ended, remains }) => !ended || remains);
  }

  #refuseTakenName(name: string): void {
    if (![...this.foreign, ...this.#present()].some((one) => one.name === name)) return;
    throw new PvhError("DOMAIN_NAME_TAKEN", `The simulator has a domain ${JSON.stringify(name)}.`);
  }

  /** Uuids of what "runs". */
  running(): string[] {
    return [...this.#guests].filter(([, guest]) => !guest.ended).map(([uuid]) => uuid);
  }
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
