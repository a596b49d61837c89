import { formatError } from "@pvh/errors";
import type { CrashReport, ExitRecord } from "../domain.ts";
import { readLog } from "./console-log.ts";
import type { DeviceHost } from "./devices.ts";
import { lastLine } from "./exit.ts";
import { type DomainFile, saveConsole, writeExit } from "./files.ts";

/** How long xenconsoled gets to take what a guest printed last. */
const DRAIN_MS = 2000;
const AGAIN_MS = 20;

type Workers = DeviceHost["workers"];

/** Why a domain ended, and what is known of it besides. */
export type End = { reason: ExitRecord["reason"] } & Partial<ExitRecord>;

/**
 * Writes into a domain's directory how it ended and what it printed.
 *
 * @param remains the domain is still there, with its vCPUs
 */
export async function recordEnd(
  workers: Workers,
  dir: string,
  file: DomainFile,
  end: End,
  remains: boolean,
): Promise<ExitRecord> {
  const output = await lastOutput(workers, file);
  const lastConsoleLine = lastLine(output);
  const crashed = end.reason === "crash" || end.reason === "watchdog";
  const report = remains && crashed ? await crashReport(workers, file) : undefined;
  const record: ExitRecord = {
    at: new Date().toISOString(),
    ...(lastConsoleLine === undefined ? {} : { lastConsoleLine }),
    ...(report === undefined ? {} : { report }),
    ...end,
  };
  try {
    saveConsole(dir, output);
    // Before the domain goes: whoever finds it gone reads why.
    writeExit(dir, record);
  } catch (error) {
    process.stderr.write(`domain ${file.uuid}: how it ended cannot be recorded: ${formatError(error)}\n`);
  }
  return record;
}

/** What the first vCPU was doing; a crash is told without when that cannot be had. */
async function crashReport(workers: Workers, { domid, uuid }: DomainFile): Promise<CrashReport | undefined> {
  try {
    return (await workers.run("registers", { domid, vcpu: 0 })) ?? undefined;
  } catch (error) {
    process.stderr.write(`domain ${uuid}: its registers cannot be read: ${formatError(error)}\n`);
    return undefined;
  }
}

/** All output that was kept, when xenconsoled has taken the guest's last. */
async function lastOutput(workers: Workers, { log, domid, consoleGfn }: DomainFile): Promise<Uint8Array> {
  if (log === undefined) return new Uint8Array();
  const deadline = performance.now() + DRAIN_MS;
  const pause = () => new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  try {
    while (!(await workers.run("console-drained", { domid, gfn: consoleGfn }))) {
      if (performance.now() > deadline) break;
      await pause();
    }
  } catch {
    // The domain is gone with its memory.
  }
  for (let length = -1; ; ) {
    const output = readLog(log);
    // xenconsoled frees the ring first and writes its log then.
    if (output.length === length) return output;
    length = output.length;
    await pause();
  }
}
