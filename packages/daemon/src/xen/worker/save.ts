import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import { waitAtGate } from "../gate.ts";
import { encodeStreamEnd, encodeStreamHead } from "../saved/stream.ts";
import type { Xen } from "./run-task.ts";
import type { SaveRequest, SendRequest } from "./tasks.ts";

/**
 * Writes a domain into a new file that only its owner may read: it has all of the guest's memory. The domain is suspended
 * afterwards, and whatever failed may have left it so.
 *
 * @param suspend has somebody suspend the guest and open the gate
 * @throws PvhError FILE_UNWRITABLE or XEN_CALL; no file is left then
 */
export function saveDomain(
  { control }: Xen,
  { domid, file, head, live, gate }: SaveRequest,
  suspend: () => void,
): void {
  const fd = told(file, () => openSync(file, "wx", 0o600));
  try {
    told(file, () => writeAll(fd, Buffer.concat([head, encodeStreamHead()])));
    told(file, () =>
      control.saveDomain(domid, {
        fd,
        live,
        suspend: () => suspendAtGate(suspend, gate),
      }),
    );
    // The domain may be gone soon, so that there is nothing but this of it.
    told(file, () => {
      writeAll(fd, encodeStreamEnd());
      fsyncSync(fd);
    });
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a domain into a connection. It is suspended afterwards, and whatever failed may have left it so.
 *
 * @param xen is opened here, so that the connection is closed whatever happens
 * @param suspend has somebody suspend the guest and open the gate
 */
export function sendDomain(
  xen: () => Xen,
  { domid, fd, live, gate }: SendRequest,
  suspend: () => void,
): void {
  try {
    xen().control.saveDomain(domid, { fd, live, suspend: () => suspendAtGate(suspend, gate) });
  } finally {
    closeSync(fd);
  }
}

function suspendAtGate(suspend: () => void, gate: SharedArrayBuffer): void {
  suspend();
  if (!waitAtGate(gate)) throw new PvhError("DOMAIN_STATE", "The guest has not suspended.");
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

/** What is about the disk and not the hypervisor. */
const OF_THE_DISK: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS"];

/** Says that it is the file, whoever has failed to write it. */
function told<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = cause instanceof PvhError ? cause.details.found : codeOf(cause);
    if (cause instanceof PvhError && !OF_THE_DISK.includes(code)) throw cause;
    const why = code === "ENOENT" ? "its folder does not exist" : code;
    throw new PvhError("FILE_UNWRITABLE", `file: ${file} cannot be written (${why}).`, {
      field: "file",
      found: file,
      cause,
    });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
