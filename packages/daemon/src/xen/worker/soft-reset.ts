import { PvhError } from "@pvh/errors";
import { FIRST_PORTS } from "../first-ports.ts";
import { grantSharedPages } from "./grants.ts";
import type { Xen } from "./run-task.ts";
import type { SoftResetRequest } from "./tasks.ts";

/**
 * Takes from a domain that has shut down all of the hypervisor's that it had, and gives it the first channels of a new one.
 * It is paused, and would go on behind its last hypercall.
 */
export function softReset({ control, memory }: Xen, { domid, storeGfn, consoleGfn }: SoftResetRequest): void {
  control.pauseDomain(domid);
  control.softReset(domid);
  for (const [what, expected] of Object.entries(FIRST_PORTS)) {
    const port = control.allocUnbound(domid, 0);
    if (port !== expected) throw new PvhError("INTERNAL", `The channel of the ${what} has port ${port}.`);
  }
  grantSharedPages(memory, domid, { console: consoleGfn, store: storeGfn });
}
