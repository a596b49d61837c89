import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectConsole, type ExitRecord, type LaunchedVmm, launchVmm, type Vmm } from "@pvh/kvm";
import { guestExitStatus } from "../exit-status.ts";
import { readGuestConfig } from "../files.ts";
import { formatTimings } from "../output.ts";
import { attachTerminal } from "../terminal.ts";

/** Runs a guest until it ends; the exit status says how (see exit-status.ts). */
export async function run(file: string, overrides: string[], options: { timings?: boolean }): Promise<void> {
  const config = readGuestConfig(file, overrides);
  const dir = mkdtempSync(join(tmpdir(), "pvhctl-run-"));
  try {
    // Paused first, so that the console is attached before the guest's first character.
    const vmm = await launchVmm({
      dir,
      uuid: config.uuid ?? randomUUID(),
      domid: domidOf(process.pid),
      config,
      startPaused: true,
      attached: true,
    });
    const record = await attach(vmm, dir, options);
    say(describeExit(config.name, record));
    process.exitCode = guestExitStatus[record.reason];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Nobody counts domains here; pvhd's have those below 0x4000. The host's names of interfaces contain it. */
function domidOf(pid: number): number {
  return 0x4000 + (pid % 0x3fef);
}

async function attach(vmm: LaunchedVmm, dir: string, options: { timings?: boolean }): Promise<ExitRecord> {
  const socket = await connectConsole(dir);
  const drained = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  socket.on("error", () => {}); // the VMM's end is reported by its exit record
  const stop = stopper(vmm);
  const detach = attachTerminal(
    {
      send: (data) => socket.write(data),
      onData: (listener) => socket.on("data", listener),
    },
    stop,
  );
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    if (process.stdin.isTTY)
      say("running; Ctrl-] asks the guest to stop, or ends it where it cannot be asked");
    await vmm.unpause();
    if (options.timings === true) say(formatTimings(vmm.launched.stages));
    const record = await vmm.exited;
    await drained;
    return record;
  } finally {
    for (const signal of signals) process.off(signal, stop);
    detach();
    socket.destroy();
    vmm.disconnect();
  }
}

/** First call: ask the guest to stop, or end it where the platform cannot ask. Second call: end it. */
function stopper(vmm: Vmm): () => void {
  let asked = false;
  return () => {
    const destroy = () => vmm.destroy().catch(() => {}); // it has ended by itself
    if (asked) {
      void destroy();
      return;
    }
    asked = true;
    vmm.shutdown().catch(() => {
      say("this guest cannot be asked to stop; ending it");
      return destroy();
    });
  };
}

function describeExit(name: string, record: ExitRecord): string {
  const line = `${name}: ${record.reason}${record.detail === undefined ? "" : `: ${record.detail}`}`;
  return record.reason === "poweroff" || record.lastConsoleLine === undefined
    ? line
    : `${line}\n  last console line: ${record.lastConsoleLine}`;
}

function say(text: string): void {
  process.stderr.write(`pvhctl: ${text}\n`);
}
