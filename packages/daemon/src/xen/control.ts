import { PvhError } from "@pvh/errors";
import type { XenStore } from "@pvh/xenctl-ffi";
import { homeOf, waitForNode } from "./store-nodes.ts";

/** How long a guest may take to say that it has seen a request. */
const ACKNOWLEDGEMENT_MS = 10_000;

/**
 * Writes a request to a node of `control/` and waits until the guest has taken it away. A request that it does not take is
 * withdrawn, so that it does not act on it at some later time.
 *
 * @param node `shutdown` or `sysrq`
 * @throws PvhError DOMAIN_STATE
 */
export async function askGuest(
  store: XenStore,
  domid: number,
  node: string,
  request: string,
  timeoutMs = ACKNOWLEDGEMENT_MS,
): Promise<void> {
  const path = `${homeOf(domid)}/control/${node}`;
  await store.write(path, request);
  const taken = (value: string | undefined) => value === undefined || value === "" || value === "\0";
  if ((await waitForNode(store, path, taken, timeoutMs)) !== undefined) return;
  const withdrawn = await store.transaction(async (view) => {
    if ((await view.read(path)) !== request) return false;
    await view.write(path, "");
    return true;
  });
  if (withdrawn) throw deaf(node, request);
}

export function deaf(node: string, request: string): PvhError {
  return new PvhError(
    "DOMAIN_STATE",
    `The guest does not listen for ${node === "sysrq" ? "SysRq keys" : `the request to ${request === "poweroff" ? "shut down" : request}`}; it has no Xen drivers, or hangs. Destroying the domain always works.`,
    { field: `control/${node}`, found: "no answer" },
  );
}
