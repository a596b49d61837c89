import { PvhError } from "@pvh/errors";
import type { DeviceHost, XenDevices } from "./devices.ts";
import { lookAt } from "./find-domain.ts";
import { homeOf, leaveStore } from "./store-nodes.ts";
import { removeUserData } from "./user-data.ts";

/** Devices first, as libxl does: their back ends hold pages of the domain. */
export async function removeDomain(
  { store, workers, userData }: DeviceHost,
  devices: XenDevices,
  domid: number,
  uuid: string,
): Promise<void> {
  const there = (await lookAt({ workers }, domid, uuid)) !== undefined;
  if (there) await unlessGone(workers.run("pause", domid));
  // Its number may be another domain's by now.
  if (there || (await store.read(`${homeOf(domid)}/vm`)) === `/vm/${uuid}`) {
    await devices.removeAll();
    if (there) await unlessGone(workers.run("destroy", domid));
    await leaveStore(store, domid, uuid);
  } else {
    await devices.endServers();
  }
  removeUserData(domid, uuid, userData);
}

/** Another toolstack may be taking the domain away, too. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof PvhError && error.code === "XEN_CALL" && error.details.found === "ESRCH"))
      throw error;
  }
}
