import type { BootInterface, GuestConfig } from "@pvh/builder";
import type { Problem } from "@pvh/errors";
import type { Affinity, Cpupool, Scheduling, Share } from "../../backend.ts";
import type { CrashReport, StageTiming } from "../../domain.ts";
import type { SavedTexts } from "../saved/head.ts";
import type { MemoryRange } from "../saved/own-data.ts";

/**
 * What worker threads do for the daemon: everything that calls the hypervisor's libraries, which block, and reading
 * kernels, which takes long. Names, what goes in, what comes out; all of it can be cloned.
 */
export interface Tasks {
  host: { input: null; output: HostFacts };
  domains: { input: null; output: DomainSummary[] };
  /** The one of this domid. */
  domain: { input: number; output: DomainSummary | null };
  build: { input: BuildRequest; output: BuiltDomain };
  /** Asks for the guest's suspension when it is time, and waits at the gate. */
  save: { input: SaveRequest; output: null };
  /** Two ends of one connection: ours is for a socket of Node's, theirs for a library that blocks. */
  "socket-pair": { input: null; output: [ours: number, theirs: number] };
  /** Like `save`, but libxenguest's stream alone, to another host. */
  send: { input: SendRequest; output: null };
  /** Lets a suspended domain go on. */
  resume: { input: number; output: null };
  /** The head of a file with a saved domain. */
  "read-saved": { input: { file: string }; output: SavedTexts };
  restore: { input: RestoreRequest; output: BuiltDomain };
  /** Like `restore`, but from libxenguest's stream alone, while it comes in. */
  receive: { input: ReceiveRequest; output: BuiltDomain };
  pause: { input: number; output: null };
  unpause: { input: number; output: null };
  destroy: { input: number; output: null };
  /** What a domain's memory may grow to. */
  "set-max-memory": { input: { domid: number; kib: number }; output: null };
  trigger: { input: { domid: number; trigger: number; vcpu: number }; output: null };
  "set-handle": { input: { domid: number; uuid: string }; output: null };
  "soft-reset": { input: SoftResetRequest; output: null };
  scheduling: { input: { domid: number; vcpus: number }; output: Scheduling | null };
  "set-share": { input: { domid: number; share: Partial<Share> }; output: null };
  pin: { input: PinRequest; output: null };
  /** What a vCPU of a domain that has ended was doing. */
  registers: { input: { domid: number; vcpu: number }; output: CrashReport | null };
  /** Into a file that is not there yet. */
  "dump-core": { input: { domid: number; file: string }; output: null };
  /** Whether a guest has ever put a request into its ring of the store. */
  "store-used": { input: { domid: number; gfn: number }; output: boolean };
  /** Whether all that the guest has printed was taken from its console's ring. */
  "console-drained": { input: { domid: number; gfn: number }; output: boolean };
  "attach-loop": { input: LoopRequest; output: LoopDevice };
}

export type TaskName = keyof Tasks;
export type TaskInput<Name extends TaskName> = Tasks[Name]["input"];
export type TaskOutput<Name extends TaskName> = Tasks[Name]["output"];

export interface HostFacts {
  /** `4.17.7` */
  version: string;
  capabilities: string[];
  /** Bytes. */
  freeMemory: number;
  totalMemory: number;
  cpus: number;
  hap: boolean;
  /** Their names are in the store. */
  cpupools: (Omit<Cpupool, "name"> & { id: number })[];
}

/** A domain as the hypervisor knows it. */
export interface DomainSummary {
  domid: number;
  uuid: string;
  paused: boolean;
  dying: boolean;
  /** SHUTDOWN_*, when the guest has shut down. */
  shutdown?: number;
  /** Bytes. */
  memory: number;
  vcpusOnline: number;
  /** Nanoseconds of processor time. */
  cpuTime: bigint;
}

export interface BuildRequest {
  uuid: string;
  config: GuestConfig;
  /** Directory of unpacked kernels. */
  cache: string;
  cpupool: number;
}

export interface SaveRequest {
  domid: number;
  /** Must not be there yet; is removed again when something fails. */
  file: string;
  /** What stands before libxl's stream. */
  head: Uint8Array;
  /** Sends memory while the guest still runs. */
  live: boolean;
  gate: SharedArrayBuffer;
}

export interface SendRequest {
  domid: number;
  /** Where the stream goes; is closed afterwards. */
  fd: number;
  live: boolean;
  gate: SharedArrayBuffer;
}

export interface RestoreRequest extends RestoredDomain {
  file: string;
}

export interface ReceiveRequest extends RestoredDomain {
  /** Where the stream comes from; is closed afterwards. */
  fd: number;
  /** Of memory, that it is expected to have. */
  pages: number;
}

/** What a domain is to be that goes on from a saved one. */
export interface RestoredDomain {
  uuid: string;
  config: GuestConfig;
  cpupool: number;
  memoryMap?: MemoryRange[] | undefined;
  /** Whether reads of unknown MSRs give 0 instead of a fault. */
  msrRelaxed: boolean;
}

export interface PinRequest extends Partial<Affinity> {
  domid: number;
  vcpus: number[];
}

export interface SoftResetRequest {
  domid: number;
  /** Frames of the pages that the guest shares with the store and the console. */
  storeGfn: number;
  consoleGfn: number;
}

/** A domain with everything in place that the hypervisor keeps; nothing of it is in the store yet. */
export interface BuiltDomain {
  domid: number;
  bootInterface: BootInterface;
  stages: StageTiming[];
  /** Absent when nobody knows it. */
  memoryMap?: MemoryRange[] | undefined;
  /** Of a restored domain. */
  msrRelaxed?: boolean;
  store: SharedPage;
  console: SharedPage;
}

/** A page of the guest and the guest's port of the channel that goes with it. */
export interface SharedPage {
  gfn: number;
  port: number;
}

export interface LoopRequest {
  file: string;
  readonly: boolean;
  direct: boolean;
}

export interface LoopDevice {
  path: string;
  rdev: number;
  fd: number;
}

export type TaskRequest = {
  [Name in TaskName]: { id: number; name: Name; input: TaskInput<Name> };
}[TaskName];

export type TaskAnswer =
  | { id: number; output: unknown }
  | { id: number; problem: Problem }
  /** The domain of a `build` or `restore` exists from now on; that of a `receive` takes its memory. */
  | { id: number; domid: number }
  /** A `save` or `send` waits at its gate for the guest's suspension. */
  | { id: number; wants: "suspend" };

/** What is told of a task while it goes on. */
export interface TaskNotices {
  created?: (domid: number) => void;
  suspend?: () => void;
}
