import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/**
 * Under what a domain that comes from another host is known here until it may run: the one that it comes from may be on
 * this hypervisor, too, and must not be taken for it. Whoever cleans up after a killed daemon reads it.
 */
const ArrivalMarker = z.object({ uuid: z.guid() });

const NAME = "arriving.json";

/** @returns a uuid that nobody else has */
export function markArrival(dir: string): string {
  const uuid = randomUUID();
  writeFileSync(join(dir, NAME), JSON.stringify({ uuid }));
  return uuid;
}

/** The next run of the domain is an ordinary one. */
export function removeArrival(dir: string): void {
  rmSync(join(dir, NAME), { force: true });
}

/** The uuid until it may run; undefined for a domain that began here. */
export function arrivalUuid(dir: string): string | undefined {
  try {
    return ArrivalMarker.parse(JSON.parse(readFileSync(join(dir, NAME), "utf8"))).uuid;
  } catch {
    return undefined;
  }
}

/** xl's way to call such a domain. */
export function arrivalName(name: string): string {
  return `${name}--incoming`;
}
