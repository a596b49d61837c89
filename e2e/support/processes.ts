import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { patience } from "./patience.ts";

/** False for a process that has ended, reaped or not. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Processes that work in `folder` or below: the VMMs whose runtime directories are there. */
export function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isRunning(pid) && isBelow(workingDirectory(pid), folder));
}

/** Kills them and waits until they are gone. */
export async function endProcessesIn(folder: string): Promise<void> {
  for (const pid of processesIn(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
  await eventually(() => processesIn(folder).length === 0, "the processes that were left end");
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, "");
  } catch {
    return undefined;
  }
}

function isBelow(path: string | undefined, folder: string): boolean {
  return path === folder || path?.startsWith(`${folder}/`) === true;
}

/** Waits until `condition` holds; fails after a while with an error that says `what`. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const seconds = 20 * patience;
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
