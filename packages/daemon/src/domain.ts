import { GuestConfig } from "@pvh/builder";
import { CrashReport, ExitReason } from "@pvh/kvm";
import { z } from "zod";

export const DomainState = z.enum([
  "creating",
  "paused",
  "running",
  "shutting-down",
  "rebooting",
  "shutdown",
  "crashed",
  "destroyed",
  "lost",
]);
export type DomainState = z.infer<typeof DomainState>;

/** A live domain owns its name and may have a process; an ended one is a record that waits to be deleted, or preserved. */
export function isLive(state: DomainState): boolean {
  return liveStates.has(state);
}
const liveStates: ReadonlySet<DomainState> = new Set([
  "creating",
  "paused",
  "running",
  "shutting-down",
  "rebooting",
]);

/** Whether there may be something of the domain on the host: it owns its name and its domid. */
export function isPresent({ state, preserved }: Pick<DomainRecord, "state" | "preserved">): boolean {
  return isLive(state) || preserved;
}

export { CrashReport, ExitReason };

/** How a run of a domain ended. */
export const ExitRecord = z.object({
  reason: ExitReason,
  /** ISO 8601. */
  at: z.string(),
  detail: z.string().optional(),
  lastConsoleLine: z.string().optional(),
  report: CrashReport.optional(),
  /** File with the domain's memory as it was then. */
  coreDump: z.string().optional(),
});
export type ExitRecord = z.infer<typeof ExitRecord>;

export const StageTiming = z.object({ name: z.string(), ms: z.number() });
export type StageTiming = z.infer<typeof StageTiming>;

/** What is known about the latest start of a domain. */
export const Run = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  pid: z.int().optional(),
  /** The hypervisor's number of the domain, where it gives out the numbers. */
  domid: z.int().optional(),
  bootInterface: z.enum(["classic", "direct"]).optional(),
  platform: z.enum(["xen", "bare"]).optional(),
  stages: z.array(StageTiming),
  /** Boot id of the host: another one means that the host went down under the domain. */
  hostBoot: z.string(),
});
export type Run = z.infer<typeof Run>;

/** A domain as the database keeps it: what was asked for, and what became of it. */
export const DomainRecord = z.object({
  uuid: z.guid(),
  name: z.string(),
  config: GuestConfig,
  startPaused: z.boolean(),
  state: DomainState,
  /** It has ended, but its memory is still there. */
  preserved: z.boolean(),
  /** ISO 8601. */
  createdAt: z.string(),
  /** Of the latest start; unique among domains that are present. Unknown of what an older pvhd started. */
  domid: z.int().optional(),
  /** Automatic restarts by the config's on_* policies. */
  restarts: z.int(),
  run: Run.optional(),
  /** How the latest run that ended did so; stays while the domain runs again. */
  exit: ExitRecord.optional(),
});
export type DomainRecord = z.infer<typeof DomainRecord>;
