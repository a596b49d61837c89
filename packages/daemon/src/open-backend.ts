import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Backend } from "./backend.ts";
import { KvmBackend } from "./backend-kvm.ts";
import type { DaemonOptions } from "./options.ts";
import { XenBackend } from "./xen/backend.ts";

/** The backend that was asked for; `auto` is Xen's where this is the control domain of a Xen host. */
export function openBackend({ backend, stateDir }: Pick<DaemonOptions, "backend" | "stateDir">): Backend {
  const xen = backend === "xen" || (backend === "auto" && isControlDomain());
  return xen ? new XenBackend(join(stateDir, "kernels")) : new KvmBackend();
}

function isControlDomain(): boolean {
  try {
    return readFileSync("/proc/xen/capabilities", "utf8").includes("control_d");
  } catch {
    return false;
  }
}
