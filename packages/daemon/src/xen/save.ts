import { randomUUID } from "node:crypto";
import { linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import type { DeviceHost } from "./devices.ts";
import { headOf } from "./domain-head.ts";
import type { DomainFile } from "./files.ts";
import { removeMarker, writeMarker } from "./save-marker.ts";
import { suspendAtGate } from "./suspend-at-gate.ts";
import type { Suspension } from "./suspension.ts";

export interface Saving {
  host: DeviceHost;
  /** Runtime directory of the domain. */
  dir: string;
  domain: DomainFile;
  suspension: Suspension;
  /** Absolute path of a file that is not there yet. */
  file: string;
  /** Whether the domain ends when it is saved. */
  ends: boolean;
}

/**
 * Writes a domain into a file that `xl restore` reads, too. It is suspended then, with all of it in the file. When it
 * cannot be saved it goes on, and there is no file.
 *
 * @throws PvhError FILE_EXISTS, FILE_UNWRITABLE, DOMAIN_STATE, or XEN_CALL
 */
export async function saveDomain({ host, dir, domain, suspension, file, ends }: Saving): Promise<void> {
  const partial = `${file}.${randomUUID().slice(0, 8)}.partial`;
  try {
    refuseExisting(file);
    const head = await headOf(host, domain);
    writeMarker(dir, { partial, file, ends });
    await writeSaved(host, domain.domid, partial, head, suspension);
    publish(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    const told = await suspension.giveUpAfter(error);
    removeMarker(dir);
    throw told;
  }
}

async function writeSaved(
  { workers }: DeviceHost,
  domid: number,
  file: string,
  head: Uint8Array,
  suspension: Suspension,
): Promise<void> {
  await suspendAtGate(suspension, (gate, notices) =>
    workers.run("save", { domid, file, head, live: false, gate }, notices),
  );
}

/** Never over a file that is there: whoever names it must not be able to replace what he may not write to himself. */
function refuseExisting(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
  throw fileExists(file);
}

function publish(partial: string, file: string): void {
  try {
    // Unlike renaming, this fails when there is such a file by now.
    linkSync(partial, file);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EEXIST") throw fileExists(file, cause);
    // A file system without links.
    renameSync(partial, file);
    return;
  }
  rmSync(partial);
}

function fileExists(file: string, cause?: unknown): PvhError {
  return new PvhError("FILE_EXISTS", `file: ${file} is there already; give another name.`, {
    field: "file",
    found: file,
    cause,
  });
}
