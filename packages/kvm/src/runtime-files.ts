import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_FILES } from "./protocol.ts";

/** Removes what a VMM has written into its runtime directory, and the directory when nothing else is in it. */
export function removeRuntimeFiles(dir: string): void {
  removeFiles(dir);
  try {
    rmdirSync(dir);
  } catch {
    // Somebody else's files are in it.
  }
}

/** Removes what a VMM has written into its runtime directory, but for the file `except`. */
export function removeFiles(dir: string, except?: string): void {
  for (const name of Object.values(RUNTIME_FILES)) {
    if (name !== except) rmSync(join(dir, name), { force: true });
  }
}
