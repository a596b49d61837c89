import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import { type ExitRecord, type LaunchedVmm, launchVmm, readConsoleLog } from "@pvh/kvm";

export interface VmmSettings {
  kernel: string;
  /** MiB; default 16. */
  memory?: number;
  cmdline?: string;
  ramdisk?: string;
  platform?: "auto" | "xen" | "bare";
  startPaused?: boolean;
  attached?: boolean;
  /** Runtime directory; default: one of the folder's own. */
  dir?: string;
}

export interface Launched {
  vmm: LaunchedVmm;
  dir: string;
  /** All console output so far. */
  console(): string;
}

/** Launches VMM processes in a private folder; {@link VmmFolder.close} ends those that are left. */
export class VmmFolder {
  readonly path = mkdtempSync(join(tmpdir(), "pvh-vmm-"));

  async launch(settings: VmmSettings): Promise<Launched> {
    const { startPaused = false, attached = false, dir = join(this.path, randomUUID()), ...keys } = settings;
    const config = GuestConfig.parse({ name: "test", type: "pvh", memory: 16, ...keys });
    const vmm = await launchVmm({ dir, uuid: randomUUID(), config, startPaused, attached });
    return { vmm, dir, console: () => new TextDecoder().decode(readConsoleLog(dir)) };
  }

  /** Runs a guest to its end. */
  async run(settings: VmmSettings): Promise<{ record: ExitRecord; output: string }> {
    const { vmm, console } = await this.launch(settings);
    const record = await vmm.exited;
    return { record, output: console() };
  }

  async close(): Promise<void> {
    for (const pid of processesIn(this.path)) process.kill(pid, "SIGKILL");
    await eventually(() => processesIn(this.path).length === 0, "the VMMs that were left end");
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** False for a process that has ended, reaped or not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Processes that work in `folder`: VMMs that nobody should have left there. */
export function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isRunning(pid) && workingDirectory(pid)?.startsWith(folder));
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Waits until `condition` holds; fails after a while with that says `what`. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
