import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PvhError } from "@pvh/errors";

/** How much memory this process may still take, and what says so. Sizes in bytes. */
export interface AvailableMemory {
  bytes: number;
  limit: string;
}

/** A VMM process beside its guest's RAM: the runtime, buffers and the kernel's own bookkeeping. */
const PROCESS_OVERHEAD = 64 * 2 ** 20;

/**
 * The smallest of what the host has available and what each control group above this process leaves.
 * `root` stands for `/` in tests.
 */
export function availableMemory(root = "/"): AvailableMemory {
  const meminfo = readText(join(root, "proc/meminfo"));
  const free = /^MemAvailable:\s*(\d+) kB$/m.exec(meminfo ?? "")?.[1];
  let least: AvailableMemory = {
    bytes: free === undefined ? Number.MAX_SAFE_INTEGER : Number(free) * 1024,
    limit: "the host (MemAvailable)",
  };
  for (const line of (readText(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    for (const group of cgroupsAbove(root, line)) {
      if (group.bytes < least.bytes) least = group;
    }
  }
  return least;
}

/** Refuses a guest that the host cannot hold; `size` is its RAM in bytes. */
export function requireMemory(size: number, available = availableMemory()): void {
  const needed = size + PROCESS_OVERHEAD;
  if (needed <= available.bytes) return;
  throw new PvhError(
    "HOST_MEMORY",
    `The guest needs ${mebibytes(needed)} (its memory of ${mebibytes(size)} and ${mebibytes(PROCESS_OVERHEAD)} for its process), but ${available.limit} has ${mebibytes(available.bytes)} left: lower memory or free some on the host.`,
    {
      field: "memory",
      found: mebibytes(size),
      allowed: `at most ${mebibytes(Math.max(0, available.bytes - PROCESS_OVERHEAD))}`,
    },
  );
}

export function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}

/** Limits of one line of /proc/self/cgroup, `hierarchy:controllers:path`, from its group up to the root. */
function* cgroupsAbove(root: string, line: string): Generator<AvailableMemory> {
  const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
  const [, controllers = "", path = "/"] = match ?? [];
  const unified = match !== null && controllers === "";
  if (!unified && !controllers.split(",").includes("memory")) return;
  const top = join(root, "sys/fs/cgroup", unified ? "" : "memory");
  const [limitFile, usageFile] = unified
    ? ["memory.max", "memory.current"]
    : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
  const names = path.split("/").filter((name) => name !== "");
  for (let depth = names.length; depth >= 0; depth--) {
    const dir = join(top, ...names.slice(0, depth));
    const limit = Number(readText(join(dir, limitFile))?.trim());
    const usage = Number(readText(join(dir, usageFile))?.trim());
    // "max", and version 1's "no limit", a number beyond any memory, do not bound anything.
    if (!Number.isSafeInteger(limit) || !Number.isSafeInteger(usage)) continue;
    // The page cache counts as usage, but the kernel gives it up before it refuses memory.
    const cache = Number(
      /^(?:total_)?inactive_file (\d+)$/m.exec(readText(join(dir, "memory.stat")) ?? "")?.[1] ?? 0,
    );
    yield { bytes: Math.max(0, limit - usage + cache), limit: `the control group ${dir}` };
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
