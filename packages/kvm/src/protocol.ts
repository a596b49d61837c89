import { DiskConfig, GuestConfig, VifConfig } from "@pvh/builder";
import { z } from "zod";

/**
 * Everything that crosses the boundary of a VMM process: the files in its runtime directory and the JSON lines on its
 * control socket. Both sides parse what they read with these schemas.
 */

/** Files in the runtime directory, which is the VMM's working directory. */
export const RUNTIME_FILES = {
  domain: "domain.json",
  control: "control.sock",
  console: "console.sock",
  consoleLog: "console.log",
  /** The part of the console log before the last rotation. */
  olderConsoleLog: "console.log.1",
  log: "vmm.log",
  exit: "exit.json",
} as const;

/** How the command line of a VMM process begins; the domain's name follows. */
export const VMM_TITLE = "pvh-vmm";

/** The descriptor on which the VMM has the launcher's pipe. */
export const LAUNCHER_FD = 3;

/** What a VMM is to run. Paths in the config are absolute. */
export const DomainFile = z.strictObject({
  uuid: z.guid(),
  /** What the guest learns as its domain id; 1 when nobody counts domains. */
  domid: z.int().min(1).max(0x7fef).exactOptional(),
  config: GuestConfig,
  /** Stop before the first instruction until unpaused. */
  startPaused: z.boolean(),
  /** The VMM ends when the launcher's pipe closes, and takes its runtime files with it. */
  attached: z.boolean(),
});
export type DomainFile = z.output<typeof DomainFile>;

export const ExitReason = z.enum([
  "poweroff",
  "reboot",
  "suspend",
  "crash",
  "watchdog",
  "soft-reset",
  "triple-fault",
  "emulation-failure",
  "vmm-died",
  "killed",
  "host-lost",
]);
export type ExitReason = z.output<typeof ExitReason>;

const Hex = z.string().regex(/^0x[0-9a-f]+$/);

/** The state of the vCPU at the end, and how it came there. Addresses and registers as "0x..." strings. */
export const CrashReport = z.object({
  vcpu: z.int(),
  rip: Hex,
  registers: z.record(z.string(), Hex),
  /** Bytes at RIP, in hexadecimal with spaces, when they could be read. */
  instruction: z.string().exactOptional(),
  /** The last exits to the VMM, the latest last: `out 0x3f8 1 byte = 0x41 at 0xffffffff81000000`. */
  lastExits: z.array(z.string()),
});
export type CrashReport = z.output<typeof CrashReport>;

/** How a domain ended; the content of exit.json. */
export const ExitRecord = z.object({
  reason: ExitReason,
  at: z.iso.datetime(),
  /** A sentence on what happened, where the reason alone does not say it. */
  detail: z.string().exactOptional(),
  report: CrashReport.exactOptional(),
  lastConsoleLine: z.string().exactOptional(),
});
export type ExitRecord = z.output<typeof ExitRecord>;

export const Stage = z.enum(["inspect", "plan", "allocate", "place", "context", "devices", "unpause"]);
export type Stage = z.output<typeof Stage>;

export const StageTiming = z.object({ name: Stage, ms: z.number() });
export type StageTiming = z.output<typeof StageTiming>;

export const VmmState = z.enum(["creating", "paused", "running", "shutting-down"]);
export type VmmState = z.output<typeof VmmState>;

export const VmmCounters = z.object({
  /** Exits of all vCPUs to the VMM, by kind. */
  exits: z.record(z.string(), z.number()),
  /** Hypercalls that were answered -ENOSYS, by name. */
  refusedHypercalls: z.record(z.string(), z.number()),
});
export type VmmCounters = z.output<typeof VmmCounters>;

/** A PV device of a guest and how far its two ends have come. */
export const DeviceStatus = z.object({
  kind: z.enum(["vbd", "vif"]),
  /** The number under which the guest finds it: of a vdev (xen-vbd-interface(7)), or of the interface. */
  id: z.int().nonnegative(),
  /** A disk's vdev, or the interface's name on the host. */
  name: z.string(),
  target: z.string().exactOptional(),
  readonly: z.boolean().exactOptional(),
  mac: z.string().exactOptional(),
  bridge: z.string().exactOptional(),
  /** The back end's xenbus state: `initialising`, `init-wait`, `connected`... */
  state: z.string(),
});
export type DeviceStatus = z.output<typeof DeviceStatus>;

export const VcpuCounts = z.object({ online: z.int(), max: z.int() });
export type VcpuCounts = z.output<typeof VcpuCounts>;

export const VmmStatus = z.object({
  uuid: z.guid(),
  pid: z.int(),
  state: VmmState,
  /** The stages that are over, in order, with their duration in milliseconds. */
  stages: z.array(StageTiming),
  bootInterface: z.enum(["classic", "direct"]).exactOptional(),
  platform: z.enum(["xen", "bare"]).exactOptional(),
  /** MiB, of the config. */
  memory: z.int(),
  /** MiB that the guest has at the moment. */
  memoryNow: z.int(),
  vcpus: VcpuCounts,
  devices: z.array(DeviceStatus),
  counters: VmmCounters,
});
export type VmmStatus = z.output<typeof VmmStatus>;

/** A problem document; see `Problem` of @pvh/errors. */
export const ProblemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  field: z.string().exactOptional(),
  offset: z.number().exactOptional(),
  found: z.string().exactOptional(),
  allowed: z.string().exactOptional(),
  line: z.int().exactOptional(),
  column: z.int().exactOptional(),
  excerpt: z.string().exactOptional(),
  causes: z.array(z.string()).exactOptional(),
});

/** One character that a guest's Magic SysRq may know. */
export const SysrqKey = z.string().regex(/^[\x21-\x7e]$/);

const call = { id: z.int().nonnegative() };

export const ControlRequest = z.discriminatedUnion("method", [
  z.strictObject({ ...call, method: z.literal("status") }),
  z.strictObject({ ...call, method: z.literal("pause") }),
  z.strictObject({ ...call, method: z.literal("unpause") }),
  z.strictObject({ ...call, method: z.literal("shutdown") }),
  z.strictObject({ ...call, method: z.literal("reboot") }),
  z.strictObject({ ...call, method: z.literal("destroy") }),
  z.strictObject({ ...call, method: z.literal("sysrq"), key: SysrqKey }),
  z.strictObject({ ...call, method: z.literal("rename"), name: GuestConfig.shape.name }),
  /** `memory` in MiB. */
  z.strictObject({ ...call, method: z.literal("set-memory"), memory: z.int() }),
  z.strictObject({ ...call, method: z.literal("set-vcpus"), vcpus: z.int() }),
  z.strictObject({ ...call, method: z.literal("attach-disk"), disk: DiskConfig }),
  z.strictObject({ ...call, method: z.literal("detach-disk"), vdev: z.string(), force: z.boolean() }),
  z.strictObject({ ...call, method: z.literal("attach-vif"), vif: VifConfig }),
  z.strictObject({ ...call, method: z.literal("detach-vif"), devid: z.int(), force: z.boolean() }),
]);
export type ControlRequest = z.output<typeof ControlRequest>;

type WithoutId<Request> = Request extends unknown ? Omit<Request, "id"> : never;

/** A request without the number that its answer carries. */
export type ControlCall = WithoutId<ControlRequest>;
export type ControlMethod = ControlCall["method"];

export const VmmEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("stage"), stage: StageTiming }),
  z.object({ event: z.literal("state"), state: VmmState }),
  z.object({ event: z.literal("exit"), record: ExitRecord }),
]);
export type VmmEvent = z.output<typeof VmmEvent>;

/** One line from the VMM. `hello` is the first on every connection; stages that are over follow as events. */
export const ControlMessage = z.union([
  z.object({ hello: z.object({ uuid: z.guid(), pid: z.int() }) }),
  z.object({ id: z.int(), result: z.unknown() }),
  z.object({ id: z.int(), error: ProblemBody }),
  VmmEvent,
]);
export type ControlMessage = z.output<typeof ControlMessage>;

/**
 * Lines on the launcher's pipe. `listening` comes first; the VMM goes on when the launcher has connected to its control
 * socket, so that the launcher learns the end of even the shortest domain. Then comes how creating it went: the status of
 * the domain that was launched, or why there is none.
 */
export const LaunchMessage = z.union([
  z.object({ listening: z.literal(true) }),
  z.object({ launched: VmmStatus }),
  z.object({ failed: ProblemBody }),
]);
export type LaunchMessage = z.output<typeof LaunchMessage>;

/** What this host's KVM offers; `problem` says why it is unusable. */
export const HostReport = z.object({
  device: z.string(),
  usable: z.boolean(),
  problem: ProblemBody.exactOptional(),
  /** Answers of KVM_CHECK_EXTENSION by name, 0 = absent. */
  capabilities: z.record(z.string(), z.int()),
  /** MiB that a new guest may have. */
  memoryAvailable: z.int(),
});
export type HostReport = z.output<typeof HostReport>;
