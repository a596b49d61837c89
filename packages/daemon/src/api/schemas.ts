import { GuestConfig } from "@pvh/builder";
import { DeviceStatus } from "@pvh/kvm";
import { z } from "zod";
import type { HostDomain, HostSummary, InstanceStatus, Scheduling } from "../backend.ts";
import {
  CrashReport,
  type DomainRecord,
  DomainState,
  ExitReason,
  isLive,
  isPresent,
  Run,
} from "../domain.ts";

const Timestamp = z.iso.datetime().describe("UTC, ISO 8601");

const ExitSummary = z.object({ reason: ExitReason, at: Timestamp });

export const Exit = ExitSummary.extend({
  detail: z.string().optional(),
  last_console_line: z.string().optional(),
  report: z
    .object({
      ...CrashReport.omit({ lastExits: true }).shape,
      last_exits: z.array(z.string()).describe("Exits to the hypervisor, the latest last"),
    })
    .optional()
    .describe("Where and how it crashed"),
  core_dump: z.string().optional().describe("File of the host with its memory as it was then"),
});

const summaryFields = {
  uuid: z.guid(),
  domid: z
    .int()
    .optional()
    .describe("Number of the domain while it is live or preserved; another one after each start"),
  name: z.string(),
  state: DomainState,
  preserved: z.literal(true).optional().describe("It has ended, but its memory is still there"),
  memory: z.int().describe("MiB"),
  vcpus: z.int(),
  boot_interface: Run.shape.bootInterface,
  platform: Run.shape.platform,
};

/** A domain in a list: flat, and small whatever the domain is like. */
export const DomainSummary = z.object({
  ...summaryFields,
  foreign: z.literal(true).optional().describe("pvhd has not made it, and does not touch it"),
  started_at: Timestamp.optional().describe("Present while the domain is live and has been started"),
  exit: ExitSummary.optional().describe("How it ended; absent while the domain is live"),
});

export const Device = z
  .object({
    kind: DeviceStatus.shape.kind.describe("vbd: disk; vif: network interface"),
    id: DeviceStatus.shape.id.describe("The number under which the guest finds it; devid of an interface"),
    name: z.string().describe("vdev of a disk, or the interface's name on the host"),
    target: z.string().optional().describe("Image or block device of a disk"),
    readonly: z.boolean().optional(),
    mac: z.string().optional(),
    bridge: z.string().optional(),
    state: z.string().describe("How far the host's end is, in xenbus's words: connected when it is in use"),
  })
  .describe("A disk or network interface of a live domain");

export const Domain = z.object({
  ...summaryFields,
  memory_now: z.int().optional().describe("MiB that the guest has at the moment"),
  maxmem_now: z.int().optional().describe("MiB that it can be told to have at the moment"),
  cpu_weight: z.int().optional().describe("Its weight beside other domains at the moment"),
  cap: z.int().optional().describe("Percent of one CPU that it gets at most at the moment, 0 is no limit"),
  affinity: z
    .array(z.object({ cpus: z.string(), cpus_soft: z.string() }))
    .optional()
    .describe("CPUs of the host that each vCPU may run on, and runs on when it can, at the moment"),
  vcpus_online: z.int().optional().describe("vCPUs that the guest has online at the moment"),
  vcpus_max: z.int().describe("vCPUs that it can have online"),
  devices: z
    .array(Device)
    .optional()
    .describe("Present, as what else is of the moment, while the domain runs and answers"),
  created_at: Timestamp,
  started_at: Timestamp.optional(),
  pid: z.int().optional().describe("Process of the domain on the host, while there is one"),
  restarts: z.int().describe("Restarts by the on_* policies of the config"),
  exit: Exit.optional().describe("How the latest run that ended did so; stays while the domain runs again"),
  stages: Run.shape.stages.describe("Stages of the latest start with their durations"),
  config: GuestConfig,
});

export const DomainRequest = GuestConfig.safeExtend({
  start_paused: z.boolean().default(false).describe("Create the domain without letting it run yet"),
});

export const Problem = z
  .object({
    type: z.string().describe("urn:pvh:error:CODE"),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("A sentence for people: what is wrong and what would be right"),
    code: z.string().describe("Stable code of the error"),
    field: z.string().optional(),
    offset: z.int().optional(),
    found: z.string().optional(),
    allowed: z.string().optional(),
    line: z.int().optional(),
    column: z.int().optional(),
    excerpt: z.string().optional(),
    causes: z.array(z.string()).optional().describe("Messages of the causes, outermost first"),
  })
  .describe("RFC 9457 problem document");

export const Host = z.object({
  backend: z.string(),
  usable: z.boolean().describe("Whether domains can be started here"),
  problem: Problem.optional().describe("Why they cannot"),
  version: z.string().optional().describe("Of the hypervisor"),
  device: z.string().optional().describe("The hypervisor's device file"),
  capabilities: z.record(z.string(), z.int()).optional().describe("Answers of the hypervisor, 0 = absent"),
  memory_total: z.int().optional().describe("MiB"),
  memory_available: z.int().optional().describe("MiB that a new guest may have"),
  cpupools: z
    .array(
      z.object({
        name: z.string(),
        scheduler: z.string(),
        cpus: z.string().describe("Such as 0-3, or all"),
        domains: z.int().describe("How many there are in it"),
      }),
    )
    .optional()
    .describe("Groups of the host's CPUs with a scheduler of their own"),
});

// Schemas with a name in the OpenAPI document.
for (const [id, schema] of Object.entries({
  GuestConfig,
  DomainRequest,
  DomainSummary,
  Device,
  Domain,
  Problem,
  Host,
})) {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
}

export function toHost({ memoryTotal, memoryAvailable, ...rest }: HostSummary): z.output<typeof Host> {
  return { ...rest, memory_total: memoryTotal, memory_available: memoryAvailable };
}

export function toSummary(record: DomainRecord): z.output<typeof DomainSummary> {
  const { run, exit } = record;
  return {
    ...shared(record),
    ...(isLive(record.state)
      ? run && { started_at: wholeSeconds(run.startedAt) }
      : exit && { exit: { reason: exit.reason, at: exit.at } }),
  };
}

/** A domain of the host that is not pvhd's. */
export function toForeignSummary({ uuid, domid, ...rest }: HostDomain): z.output<typeof DomainSummary> {
  return { uuid, domid, ...rest, foreign: true };
}

/** @param live what it has at the moment, when that is known */
export function toDomain(record: DomainRecord, live: InstanceStatus | undefined): z.output<typeof Domain> {
  const { run, exit, config } = record;
  return {
    ...shared(record),
    ...(live && toMoment(live)),
    vcpus_max: config.maxvcpus ?? config.vcpus,
    created_at: record.createdAt,
    started_at: run?.startedAt,
    pid: hasProcess(record) ? run?.pid : undefined,
    restarts: record.restarts,
    exit: exit && {
      reason: exit.reason,
      at: exit.at,
      detail: exit.detail,
      last_console_line: exit.lastConsoleLine,
      report: exit.report && toReport(exit.report),
      core_dump: exit.coreDump,
    },
    stages: run?.stages ?? [],
    config,
  };
}

function toMoment({ memoryNow, memoryLimit, vcpus, devices, scheduling }: InstanceStatus) {
  return {
    memory_now: memoryNow,
    maxmem_now: memoryLimit,
    vcpus_online: vcpus.online,
    devices,
    ...(scheduling && toShare(scheduling)),
  };
}

function toShare({ weight, cap, affinity }: Scheduling) {
  return {
    cpu_weight: weight,
    cap,
    affinity: affinity.map(({ cpus, cpusSoft }) => ({ cpus, cpus_soft: cpusSoft })),
  };
}

/** Lists stay small. */
function wholeSeconds(timestamp: string): string {
  return timestamp.replace(/\.[0-9]+Z$/, "Z");
}

function toReport({ lastExits, ...rest }: CrashReport) {
  return { ...rest, last_exits: lastExits };
}

function shared(record: DomainRecord) {
  const { uuid, domid, name, state, preserved, config, run } = record;
  return {
    uuid,
    ...(isPresent(record) && domid !== undefined ? { domid } : {}),
    name,
    state,
    ...(preserved ? { preserved: true as const } : {}),
    memory: config.memory,
    vcpus: config.vcpus,
    ...(run?.bootInterface && { boot_interface: run.bootInterface }),
    ...(run?.platform && { platform: run.platform }),
  };
}

function hasProcess({ state }: DomainRecord): boolean {
  return state === "running" || state === "paused" || state === "shutting-down";
}
