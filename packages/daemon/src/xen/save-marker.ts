import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What a domain's directory says while the domain is being saved, for a daemon that is started after this one was killed. */
const SaveMarker = z.object({
  /** The file while it is written. */
  partial: z.string(),
  file: z.string(),
  /** Whether the domain ends when it is saved. */
  ends: z.boolean(),
});
export type SaveMarker = z.infer<typeof SaveMarker>;

const NAME = "saving.json";

export function writeMarker(dir: string, marker: SaveMarker): void {
  writeFileSync(join(dir, NAME), JSON.stringify(marker));
}

export function removeMarker(dir: string): void {
  rmSync(join(dir, NAME), { force: true });
}

/**
 * What became of a saving that nobody finished; its half of a file is removed. Undefined when there was none.
 *
 * @returns `saved` when the file is whole and has its name, and the domain was to end then
 */
export function settleMarker(dir: string): { saved: boolean; file: string } | undefined {
  const marker = readMarker(dir);
  if (marker === undefined) return undefined;
  const { partial, file, ends } = marker;
  const [half, whole] = [partial, file].map((path) => statSync(path, { throwIfNoEntry: false }));
  // Between the two steps by which it gets its name both are one.
  const written = whole !== undefined && (half === undefined || half.ino === whole.ino);
  rmSync(partial, { force: true });
  return { saved: written && ends, file };
}

function readMarker(dir: string): SaveMarker | undefined {
  try {
    return SaveMarker.parse(JSON.parse(readFileSync(join(dir, NAME), "utf8")));
  } catch {
    return undefined;
  }
}
