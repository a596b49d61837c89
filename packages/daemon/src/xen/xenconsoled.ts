import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** What xenconsoled does when it is told nothing else. */
const DEFAULT_DIRECTORY = "/var/log/xen/console";

/** Where the running xenconsoled logs what guests print; undefined when it does not, or when none runs. */
export function guestLogDirectory(): string | undefined {
  // Looking at all processes takes long; it seldom is another one than last time.
  for (const pid of [lastPid, ...readdirSync("/proc")]) {
    const [program, ...args] = commandLine(pid);
    if (program === undefined) continue;
    lastPid = pid;
    return logDirectory(args);
  }
  return undefined;
}

let lastPid = "";

/** Of xenconsoled; empty for any other process. */
function commandLine(pid: string): string[] {
  if (!/^[0-9]+$/.test(pid)) return [];
  try {
    if (readFileSync(`/proc/${pid}/comm`, "utf8") !== "xenconsoled\n") return [];
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    // It has ended.
    return [];
  }
}

/** @param args of xenconsoled, without its name */
export function logDirectory(args: readonly string[]): string | undefined {
  const { log, "log-dir": directory = DEFAULT_DIRECTORY } = parseArgs({
    args: [...args],
    strict: false,
    options: { log: { type: "string", multiple: true }, "log-dir": { type: "string" } },
  }).values;
  const logs = Array.isArray(log) && log.some((what) => what === "all" || what === "guest");
  return logs && typeof directory === "string" ? directory : undefined;
}
