import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PvhError } from "@pvh/errors";
import { HostReport } from "../protocol.ts";
import { vmmEntry } from "./launch.ts";

const PROBE_MS = 20_000;

/** Asks a short-lived process about this host's KVM, so that the caller itself never opens it. */
export async function checkHost(): Promise<HostReport> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [vmmEntry(), "probe"], {
      env,
      timeout: PROBE_MS,
    });
    return HostReport.parse(JSON.parse(stdout));
  } catch (cause) {
    throw new PvhError("VMM_DIED", "The process that examines the host's KVM failed.", { cause });
  }
}
