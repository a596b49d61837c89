import type { Duplex } from "node:stream";
import type { DiskConfig, GuestConfig, VifConfig } from "@pvh/builder";
import { type Problem, PvhError } from "@pvh/errors";
import type { DeviceStatus, VcpuCounts } from "@pvh/kvm";
import type { ExitRecord, Run } from "./domain.ts";
import type { Arrival } from "./transfer/receiver.ts";
import type { Transfer } from "./transfer/sender.ts";

/** What a backend starts a domain from. */
export interface DomainStart {
  uuid: string;
  /** Number of the domain among the live ones of this host, for a backend that does not give out the numbers. */
  domid?: number;
  /** Existing runtime directory of the domain; the backend keeps all of its files there. */
  dir: string;
  config: GuestConfig;
  startPaused: boolean;
  /** File of a saved domain that it goes on from, instead of booting. */
  saved?: string;
  /** A domain of another host that it goes on from; it is started paused. */
  arrival?: Arrival;
}

/** How a domain goes to another host. */
export interface Departure {
  /** Called when nothing here is against it. */
  connect(): Promise<Transfer>;
  /** Whether its memory is sent while the guest still runs. */
  live: boolean;
}

export type InstanceState = "creating" | "paused" | "running" | "shutting-down";

/** What a domain has at the moment. */
export interface InstanceStatus {
  state: InstanceState;
  /** MiB. */
  memoryNow: number;
  /** MiB that it can be told to have; absent where only its config says so. */
  memoryLimit?: number;
  vcpus: VcpuCounts;
  devices: DeviceStatus[];
  /** Where the backend schedules the domain itself. */
  scheduling?: Scheduling;
}

/** A domain's share of the processors. */
export interface Share {
  weight: number;
  /** Percent of one CPU; 0 is no limit. */
  cap: number;
}

/** CPUs of the host in xl's notation: where a vCPU may run, and where it runs when it can. */
export interface Affinity {
  cpus: string;
  cpusSoft: string;
}

export interface Scheduling extends Share {
  /** Of each vCPU. */
  affinity: Affinity[];
}

/** What stays as it is when it is absent; `vcpu` absent: of all of them. */
export interface Pinning extends Partial<Affinity> {
  vcpu?: number;
}

export const triggers = ["nmi", "reset", "init", "power"] as const;
export type Trigger = (typeof triggers)[number];

/** What becomes of a domain that was saved. */
export type AfterSave = "end" | "go-on" | "pause";

/** By which a domain is known. */
export interface Identity {
  uuid: string;
  name: string;
  /** Its runtime directory. */
  dir: string;
}

/** What is known about a start once it is over. */
export type StartSummary = Omit<Run, "startedAt" | "hostBoot">;

/** A domain that has a process or a hypervisor's object behind it. */
export interface Instance {
  readonly started: StartSummary;
  status(): Promise<InstanceStatus>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Asks the guest to end; DOMAIN_STATE when there is no way to ask. */
  shutdown(): Promise<void>;
  /** Asks the guest to reboot, which ends this instance; DOMAIN_STATE when there is no way to ask. */
  reboot(): Promise<void>;
  /** Sends one key of Linux's Magic SysRq; DOMAIN_STATE when there is no way to. */
  sysrq(key: string): Promise<void>;
  /** Says how many MiB the guest is to have; CONFIG_INVALID above its config's limit. It follows in its own time. */
  setMemory(memory: number): Promise<void>;
  /** Says how many vCPUs the guest is to have online; CONFIG_INVALID above its config's limit. */
  setVcpus(vcpus: number): Promise<void>;
  /** DEVICE_TAKEN when the guest has such a one. */
  attachDisk(disk: DiskConfig): Promise<DeviceStatus>;
  /** DEVICE_NOT_FOUND when there is none. `force`: without waiting for the guest to let go of it. */
  detachDisk(vdev: string, force: boolean): Promise<void>;
  attachVif(vif: VifConfig): Promise<DeviceStatus>;
  detachVif(devid: number, force: boolean): Promise<void>;
  /** Limits what the guest can be told to have, in MiB; CONFIG_INVALID below what it is told to have now. */
  setMaxMemory(memory: number): Promise<void>;
  setShare(share: Partial<Share>): Promise<void>;
  /** CONFIG_INVALID for a vCPU that there is not, or when the host has none of the CPUs. */
  pin(pinning: Pinning): Promise<void>;
  /** @param vcpu CONFIG_INVALID when there is none */
  trigger(trigger: Trigger, vcpu: number): Promise<void>;
  /** DOMAIN_NAME_TAKEN when another domain of the host has the name. */
  rename(name: string): Promise<void>;
  /** Writes the domain's memory into a file; FILE_EXISTS when it is there. Also of a domain that remains. */
  dumpCore(file: string): Promise<void>;
  /**
   * Writes all of the domain into a file, which must not be there yet. When that fails the domain goes on and there is no
   * file; HOST_UNSUPPORTED when it cannot be saved at all. With `end`, `exited` then has reason `suspend`.
   */
  save(file: string, after: AfterSave): Promise<void>;
  /**
   * Moves the domain to another host. When that fails it goes on here; HOST_UNSUPPORTED when it cannot be moved at all. When
   * it fails with MIGRATION_UNDECIDED it stays paused. Afterwards `exited` has reason `suspend`.
   */
  migrate(departure: Departure): Promise<void>;
  /**
   * Of a domain that has come from another host, and may run now: takes its name and uuid, before which it is known by others
   * to the host, because the one that it comes from may be there, too.
   */
  arrive(identity: Identity): Promise<void>;
  /** Ends the domain now. Resolves when nothing of it is left; `exited` then has reason `killed`, unless it ended before. */
  destroy(): Promise<void>;
  /** Resolves once, when the domain has ended for whatever reason. Never rejects. */
  readonly exited: Promise<ExitRecord>;
  /** Whether the domain has ended, and is there still with its memory, until `discard` or `destroy`. */
  readonly remains: boolean;
  /** Resolves once, when nothing is left of the domain. Never rejects. */
  readonly gone: Promise<void>;
  /** Takes away what remains of an ended domain. */
  discard(): Promise<void>;
  /** Makes another domain of what remains, so that a new one can have its identity. Its files move to the new directory. */
  setAside(identity: Identity): Promise<void>;
  /** Lets what remains go on, with its memory and nothing of the hypervisor's that it had. */
  softReset(): Promise<Instance>;
  /** Lets go of the domain without touching it. `exited` may stay pending afterwards. */
  disconnect(): void;
}

/** A domain of the host, whoever has made it. */
export interface HostDomain {
  uuid: string;
  domid: number;
  /** Empty when it has none. */
  name: string;
  state: "paused" | "running" | "shutdown" | "crashed" | "destroyed";
  /** MiB. */
  memory: number;
  vcpus: number;
}

/** A way to run domains. The backend owns the truth about what runs; it keeps no list of its own. */
export interface Backend {
  readonly name: string;
  /** Whether the hypervisor gives out the domids, so that nobody else can. */
  readonly givesDomids: boolean;
  /**
   * Resolves when the domain runs (or is paused, when asked for). A failure leaves nothing that runs; CONFIG_KEY_UNSUPPORTED
   * for a config that asks for what only another backend can.
   */
  launch(start: DomainStart): Promise<Instance>;
  /** The config of a saved domain: what `launch` needs besides the file. A SAVED_ code says what is wrong with it. */
  readSaved(file: string): Promise<GuestConfig>;
  /** The config of a domain that comes from another host, by the head that came first; likewise. */
  readArrival(head: Uint8Array): Promise<GuestConfig>;
  /**
   * The instance that an earlier daemon started, also one that remains, or undefined when there is none; VMM_UNRESPONSIVE
   * when it cannot be asked.
   */
  find(dir: string, uuid: string): Promise<Instance | undefined>;
  /** Ends what runs of a domain, whether it answers or not. Resolves when nothing does any more. */
  end(dir: string, uuid: string): Promise<void>;
  /** The record that a domain left when it ended without a daemon to see it. */
  exitRecord(dir: string): ExitRecord | undefined;
  /** A connection to the console of a live domain; begins with the earlier output. */
  openConsole(dir: string): Promise<Duplex>;
  /** The kept console output of a domain, live or ended. */
  consoleLog(dir: string): Uint8Array;
  /** All domains of the host that the backend can see, also those that pvhd has not made. */
  hostDomains(): Promise<HostDomain[]>;
  /** What this host can do, for `GET /host`. */
  checkHost(): Promise<HostSummary>;
  /** Lets go of the host; domains go on. */
  close(): Promise<void>;
}

export interface HostSummary {
  backend: string;
  /** Whether domains can be started here. */
  usable: boolean;
  /** Why they cannot. */
  problem?: Problem;
  /** Of the hypervisor, where it has one. */
  version?: string;
  /** The hypervisor's device file. */
  device?: string;
  /** Answers of the hypervisor by name, 0 = absent. */
  capabilities?: Record<string, number>;
  /** MiB. */
  memoryTotal?: number;
  /** MiB that a new guest may have. */
  memoryAvailable?: number;
  cpupools?: Cpupool[];
}

/** A group of the host's CPUs with a scheduler of its own. */
export interface Cpupool {
  name: string;
  scheduler: string;
  /** `0-3`, or `all` */
  cpus: string;
  /** How many there are in it, also those that pvhd has not made. */
  domains: number;
}

/** @param action completes "cannot" */
export function unsupported(backend: string, action: string, instead: string): PvhError {
  return new PvhError("HOST_UNSUPPORTED", `The ${backend} backend cannot ${action}; ${instead}.`, {
    field: "backend",
    found: backend,
  });
}
