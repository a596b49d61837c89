import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import { type ExitRecord, type LaunchedVmm, launchVmm, readConsoleLog } from "@pvh/kvm";
import { endProcessesIn } from "./processes.ts";

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
    await endProcessesIn(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}
