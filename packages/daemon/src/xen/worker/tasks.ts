import type { BootInterface, GuestConfig } from "@pvh/builder";
import type { Problem } from "@pvh/errors";
import type { StageTiming } from "../../domain.ts";

/**
 * What worker threads do for the daemon: everything that calls the hypervisor's libraries, which block, and reading
 * kernels, which takes long. Names, what goes in, what comes out; all of it can be cloned.
 */
export interface Tasks {
  host: { input: null; output: HostFacts };
  domains: { input: null; output: DomainSummary[] };
  build: { input: BuildRequest; output: BuiltDomain };
  pause: { input: number; output: null };
  unpause: { input: number; output: null };
  destroy: { input: number; output: null };
  /** What a domain's memory may grow to. */
  "set-max-memory": { input: { domid: number; kib: number }; output: null };
  trigger: { input: { domid: number; trigger: number; vcpu: number }; output: null };
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
}

/** A domain with everything in place that the hypervisor keeps; nothing of it is in the store yet. */
export interface BuiltDomain {
  domid: number;
  bootInterface: BootInterface;
  stages: StageTiming[];
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
  /** The domain of a `build` exists from now on. */
  | { id: number; domid: number };
