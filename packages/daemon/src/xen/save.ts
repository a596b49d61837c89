import { randomUUID } from "node:crypto";
import { linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import { formatError, PvhError } from "@pvh/errors";
import { currentConfig } from "./current-config.ts";
import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { newGate, openGate } from "./gate.ts";
import { removeMarker, writeMarker } from "./save-marker.ts";
import { encodeHead } from "./saved/head.ts";
import { libxlConfig } from "./saved/libxl-config.ts";
import { encodeOwnData } from "./saved/own-data.ts";
import { endedWhileSaved, type Suspension } from "./suspension.ts";

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
    const remains = await suspension.giveUp().catch((second: unknown) => {
      process.stderr.write(
        `domain ${domain.domid} (${domain.uuid}) stays suspended: ${formatError(second)}\n`,
      );
      return true;
    });
    removeMarker(dir);
    throw remains ? error : endedWhileSaved(error);
  }
}

async function headOf(host: DeviceHost, domain: DomainFile): Promise<Uint8Array> {
  const config = await currentConfig(host, domain);
  return encodeHead({
    libxl: JSON.stringify(libxlConfig(config, domain)),
    own: encodeOwnData({ config, memoryMap: domain.memoryMap, msrRelaxed: domain.msrRelaxed }),
  });
}

async function writeSaved(
  { workers }: DeviceHost,
  domid: number,
  file: string,
  head: Uint8Array,
  suspension: Suspension,
): Promise<void> {
  const gate = newGate();
  let failure: unknown;
  const suspend = async () => {
    try {
      await suspension.request();
      openGate(gate, true);
    } catch (error) {
      failure = error;
      openGate(gate, false);
    }
  };
  try {
    await workers.run("save", { domid, file, head, live: false, gate }, { suspend: () => void suspend() });
  } catch (error) {
    // The thread only knows that the guest has not suspended.
    throw failure ?? error;
  }
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
