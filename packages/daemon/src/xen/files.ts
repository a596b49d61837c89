import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import { z } from "zod";
import { ExitRecord, StageTiming } from "../domain.ts";
import { MemoryRange } from "./saved/own-data.ts";

/** What a domain's runtime directory says about it, for a daemon that was restarted. */
export const DomainFile = z.object({
  uuid: z.guid(),
  domid: z.int(),
  config: GuestConfig,
  bootInterface: z.enum(["classic", "direct"]),
  stages: z.array(StageTiming),
  /** Frames of the pages that the guest shares with the store and the console. */
  storeGfn: z.int(),
  consoleGfn: z.int(),
  /** What the guest found; absent when nobody knows it. */
  memoryMap: z.array(MemoryRange).optional(),
  /** Whether it was restored as a domain that reads 0 from unknown MSRs. */
  msrRelaxed: z.boolean().optional(),
  /** xenconsoled's log of the guest, and where this domain's output begins in it; absent when it writes none. */
  log: z.object({ path: z.string(), offset: z.int() }).optional(),
});
export type DomainFile = z.infer<typeof DomainFile>;

export const FILES = {
  domain: "domain.json",
  exit: "exit.json",
  console: "console.log",
  qemu: "qemu.json",
  qemuLog: "qemu.log",
} as const;

export function readDomainFile(dir: string): DomainFile | undefined {
  return parsed(join(dir, FILES.domain), DomainFile);
}

export function writeDomainFile(dir: string, file: DomainFile): void {
  writeWhole(join(dir, FILES.domain), JSON.stringify(file));
}

export function readExit(dir: string): ExitRecord | undefined {
  return parsed(join(dir, FILES.exit), ExitRecord);
}

export function writeExit(dir: string, exit: ExitRecord): void {
  writeWhole(join(dir, FILES.exit), JSON.stringify(exit));
}

/** The console's output of a domain that has ended. */
export function readSavedConsole(dir: string): Uint8Array | undefined {
  try {
    return readFileSync(join(dir, FILES.console));
  } catch {
    return undefined;
  }
}

export function saveConsole(dir: string, output: Uint8Array): void {
  writeWhole(join(dir, FILES.console), output);
}

/** What a domain that goes on has said of its end. */
export function removeEnd(dir: string): void {
  for (const name of [FILES.exit, FILES.console]) rmSync(join(dir, name), { force: true });
}

/** What an earlier run has left. */
export function removeFiles(dir: string): void {
  for (const name of Object.values(FILES)) rmSync(join(dir, name), { force: true });
}

function parsed<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** All or nothing: a reader never sees half a file. */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}
