import { accessSync, constants } from "node:fs";
import { PvhError } from "@pvh/errors";

const PRIVCMD = "/dev/xen/privcmd";

/**
 * That this user may make hypercalls here.
 *
 * @throws PvhError HOST_XEN_MISSING or HOST_XEN_FORBIDDEN
 */
export function requirePrivcmd(): void {
  try {
    accessSync(PRIVCMD, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (missing) {
      throw new PvhError(
        "HOST_XEN_MISSING",
        `${PRIVCMD} is missing: run pvhd in the control domain (dom0) of a Xen host, with the kernel module xen_privcmd loaded.`,
        { field: PRIVCMD, found: "missing", cause },
      );
    }
    throw new PvhError(
      "HOST_XEN_FORBIDDEN",
      `${PRIVCMD} may not be opened by this user: run pvhd as root, or give this user read and write access to it.`,
      { field: PRIVCMD, found: "no access", cause },
    );
  }
}
