import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitRecord, RUNTIME_FILES } from "./protocol.ts";

/** How the domain of this runtime directory ended; undefined while it runs, or when its VMM died without a word. */
export function readExitRecord(dir: string): ExitRecord | undefined {
  try {
    const parsed = ExitRecord.safeParse(JSON.parse(readFileSync(join(dir, RUNTIME_FILES.exit), "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** All or nothing: a reader never sees half a record. */
export function writeExitRecord(dir: string, record: ExitRecord): void {
  const path = join(dir, RUNTIME_FILES.exit);
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`);
  renameSync(`${path}.new`, path);
}
