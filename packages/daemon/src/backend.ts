import type { Duplex } from "node:stream";
import type { DiskConfig, GuestConfig, VifConfig } from "@pvh/builder";
import type { Problem } from "@pvh/errors";
import type { DeviceStatus, VcpuCounts } from "@pvh/kvm";
import type { ExitRecord, Run } from "./domain.ts";

/** What a backend starts a domain from. */
export interface DomainStart {
  uuid: string;
  /** Number of the domain among the live ones of this host. */
  domid: number;
  /** Existing runtime directory of the domain; the backend keeps all of its files there. */
  dir: string;
  config: GuestConfig;
  startPaused: boolean;
}

export type InstanceState = "creating" | "paused" | "running" | "shutting-down";

/** What a domain has at the moment. */
export interface InstanceStatus {
  state: InstanceState;
  /** MiB. */
  memoryNow: number;
  vcpus: VcpuCounts;
  devices: DeviceStatus[];
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
  /** Ends the domain now. Resolves when nothing of it runs any more; `exited` then has reason `killed`. */
  destroy(): Promise<void>;
  /** Resolves once, when the domain has ended for whatever reason. Never rejects. */
  readonly exited: Promise<ExitRecord>;
  /** Lets go of the domain without touching it. `exited` may stay pending afterwards. */
  disconnect(): void;
}

/** A way to run domains. The backend owns the truth about what runs; it keeps no list of its own. */
export interface Backend {
  readonly name: string;
  /** Resolves when the domain runs (or is paused, when asked for). A failure leaves nothing that runs. */
  launch(start: DomainStart): Promise<Instance>;
  /** The instance that an earlier daemon started, or undefined when none runs; VMM_UNRESPONSIVE when it cannot be asked. */
  find(dir: string, uuid: string): Promise<Instance | undefined>;
  /** Ends what runs of a domain, whether it answers or not. Resolves when nothing does any more. */
  end(dir: string, uuid: string): Promise<void>;
  /** The record that a domain left when it ended without a daemon to see it. */
  exitRecord(dir: string): ExitRecord | undefined;
  /** A connection to the console of a live domain; begins with the earlier output. */
  openConsole(dir: string): Promise<Duplex>;
  /** The kept console output of a domain, live or ended. */
  consoleLog(dir: string): Uint8Array;
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
  /** MiB that a new guest may have. */
  memoryAvailable?: number;
}
