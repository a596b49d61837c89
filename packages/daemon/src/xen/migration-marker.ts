import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What a domain's directory says while the domain goes to another host, for a daemon that is started after this one was killed. */
const MigrationMarker = z.object({
  /** The other pvhd. */
  peer: z.string(),
  /**
   * `sending`: it is ours. `permitted`: the other side may run it, and perhaps does. `moved`: it runs there.
   */
  step: z.enum(["sending", "permitted", "moved"]),
});
export type MigrationMarker = z.infer<typeof MigrationMarker>;

const NAME = "migrating.json";

export function writeMigration(dir: string, marker: MigrationMarker): void {
  // Never half: whoever finds `permitted` unreadable would let it run.
  writeFileSync(join(dir, `${NAME}.new`), JSON.stringify(marker));
  renameSync(join(dir, `${NAME}.new`), join(dir, NAME));
}

export function removeMigration(dir: string): void {
  rmSync(join(dir, NAME), { force: true });
}

export function readMigration(dir: string): MigrationMarker | undefined {
  try {
    return MigrationMarker.parse(JSON.parse(readFileSync(join(dir, NAME), "utf8")));
  } catch {
    return undefined;
  }
}
