import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process by more than its number, which another process may get later. */
export interface ProcessIdentity {
  pid: number;
  /** In clock ticks since boot. */
  startTime: string;
}

/** Undefined when there is no such process, or only its unreaped remains. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may contain anything; fields are counted behind it, from the third on.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const startTime = fields[19];
    if (startTime === undefined || state === "Z" || state === "X") return undefined;
    return { pid, startTime };
  } catch {
    return undefined;
  }
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime;
}

/** True once it has gone; false when it still runs after that time. */
export async function waitUntilGone(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}

export function kill(identity: ProcessIdentity, signal: NodeJS.Signals = "SIGKILL"): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch {
    // Gone between the two lines.
  }
}
