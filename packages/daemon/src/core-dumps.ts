import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "./backend.ts";
import { datedName, isDatedNameOf } from "./dated-names.ts";
import { makeDirectory } from "./make-directory.ts";

/** Of one domain: a guest that crashes over and over must not fill the disk. */
const KEPT = 3;

/**
 * Writes the memory of a domain that has ended to `dump/NAME-DATE` in the state directory, and removes its oldest dumps.
 *
 * @returns the file
 */
export async function dumpEndedDomain(stateDir: string, name: string, instance: Instance): Promise<string> {
  const directory = join(stateDir, "dump");
  makeDirectory(directory, 0o700);
  // First, so that there is room for it.
  removeOldest(directory, name, KEPT - 1);
  const file = join(
    directory,
    datedName(name, new Date(), (dated) => existsSync(join(directory, dated))),
  );
  await instance.dumpCore(file);
  return file;
}

function removeOldest(directory: string, name: string, kept: number): void {
  const dumps = readdirSync(directory)
    .filter((file) => isDatedNameOf(name, file))
    .map((file) => ({ file: join(directory, file), written: statSync(join(directory, file)).mtimeMs }))
    .sort((a, b) => b.written - a.written);
  for (const { file } of dumps.slice(kept)) rmSync(file, { force: true });
}
