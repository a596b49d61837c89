import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PvhError, printable } from "@pvh/errors";
import { identify, isAlive, kill, type ProcessIdentity, processesIn, waitUntilGone } from "@pvh/kvm";
import { z } from "zod";
import { boundedLog } from "./bounded-log.ts";
import { FILES, writeWhole } from "./files.ts";

/** To write what it has of images, and to close them. */
const CLOSE_MS = 10_000;
const GONE_MS = 5000;
const LAST_LINES = 5;
const LAST_BYTES = 1000;

const Recorded = z.object({ pid: z.int(), startTime: z.string() });

/**
 * Starts QEMU as libxl does for the disks of a PVH domain, in a session of its own and in the domain's directory, where
 * its log is. By that directory it is found, also when pvhd is killed before it has recorded the process.
 *
 * @throws PvhError XEN_DEVICE
 */
export async function startQemu(dir: string, program: string, domid: number): Promise<ProcessIdentity> {
  const log = await boundedLog(dir, join(dir, FILES.qemuLog));
  try {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(program, qemuArguments(domid), {
      cwd: dir,
      env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    await once(child, "spawn");
    child.unref();
    const identity = identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, startTime: "gone" };
    writeWhole(join(dir, FILES.qemu), JSON.stringify(identity));
    return identity;
  } catch (cause) {
    const allowed = "a QEMU that this host can run";
    throw new PvhError("XEN_DEVICE", `disk: QEMU cannot be started; ${program} must be ${allowed}.`, {
      ...{ field: "disk", found: program, allowed, cause },
    });
  } finally {
    log.destroy();
  }
}

export function qemuArguments(domid: number): string[] {
  return [
    ...["-xen-domid", `${domid}`, "-xen-attach", "-name", `domain-${domid}`, "-machine", "xenpv"],
    ...["-no-user-config", "-nodefaults", "-display", "none", "-monitor", "none"],
  ];
}

/** The QEMU of the domain that has this directory. */
export function findQemu(dir: string): ProcessIdentity | undefined {
  const recorded = readRecord(dir);
  if (recorded !== undefined && isAlive(recorded)) return recorded;
  // Without a log none was ever started.
  if (!existsSync(join(dir, FILES.qemuLog))) return undefined;
  return processesIn(dir, (words) => words.includes("-xen-domid"))[0];
}

/** Has QEMU close its images and end; when it does not, ends it. */
export async function endQemu(dir: string): Promise<void> {
  for (let qemu = findQemu(dir); qemu !== undefined; qemu = findQemu(dir)) {
    kill(qemu, "SIGTERM");
    if (await waitUntilGone(qemu, CLOSE_MS)) continue;
    kill(qemu);
    if (await waitUntilGone(qemu, GONE_MS)) continue;
    process.stderr.write(`QEMU (process ${qemu.pid}) cannot be ended\n`);
    break;
  }
  rmSync(join(dir, FILES.qemu), { force: true });
}

/** Whether the process has this file open, by whatever name. */
export async function hasOpen({ pid }: ProcessIdentity, path: string): Promise<boolean> {
  try {
    const wanted = await stat(path);
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const found = await stat(`/proc/${pid}/fd/${fd}`).catch(() => undefined);
      if (found?.ino === wanted.ino && found.dev === wanted.dev) return true;
    }
    return false;
  } catch {
    // The file or the process is gone.
    return false;
  }
}

/** Bytes of the log, by which what comes later is told from what was there. */
export function logSize(dir: string): number {
  return statSync(join(dir, FILES.qemuLog), { throwIfNoEntry: false })?.size ?? 0;
}

/** What QEMU has said last, without what it had said by then. */
export function lastWords(dir: string, since: number): string[] {
  try {
    const lines = textFrom(join(dir, FILES.qemuLog), Math.max(since, logSize(dir) - LAST_BYTES))
      .split("\n")
      .map((line) => printable(line).trim());
    return lines.filter((line) => line !== "").slice(-LAST_LINES);
  } catch {
    return [];
  }
}

/** LAST_BYTES at most. */
function textFrom(path: string, position: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(LAST_BYTES);
    const length = readSync(file, bytes, 0, bytes.length, position);
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    closeSync(file);
  }
}

function readRecord(dir: string): ProcessIdentity | undefined {
  try {
    return Recorded.parse(JSON.parse(readFileSync(join(dir, FILES.qemu), "utf8")));
  } catch {
    return undefined;
  }
}
