import { PvhError } from "@pvh/errors";
import { unsupported } from "../backend.ts";
import { deviceConfigs } from "./device-configs.ts";
import type { DeviceHost } from "./devices.ts";
import type { DomainFile } from "./files.ts";

/** What a domain of Xen is not told to do, and why. */

/**
 * @param action completes "cannot", with "a guest" behind it
 * @throws PvhError HOST_UNSUPPORTED
 */
export function refuseClassic({ bootInterface }: DomainFile, action: string, reason: string): void {
  if (bootInterface === "classic") throw unsupported("xen", `${action} a classic guest`, reason);
}

/**
 * The QEMU of the other host would open an image of which this one's still has the tables in memory.
 *
 * @throws PvhError HOST_UNSUPPORTED
 */
export async function refuseQdisks({ store }: DeviceHost, { domid }: DomainFile): Promise<void> {
  const { disk } = await deviceConfigs(store, domid);
  const first = disk.find(({ backendtype }) => backendtype === "qdisk");
  if (first === undefined) return;
  throw unsupported(
    "xen",
    `migrate a domain whose disk ${first.vdev} QEMU serves`,
    "both hosts would have the image open, which destroys it; save the domain here and restore it there",
  );
}

export function guestPaused(): PvhError {
  return new PvhError("DOMAIN_STATE", "The domain is paused; unpause it first: its guest has to take part.", {
    field: "state",
    found: "paused",
  });
}

/** @param reason what happens to it */
export function stillBeing(reason: string): PvhError {
  return new PvhError("DOMAIN_STATE", `The domain is being ${reason}; wait until that is done.`, {
    field: "state",
    found: `being ${reason}`,
  });
}

export function domainEnded({ domid, uuid }: DomainFile): PvhError {
  return new PvhError("VMM_DIED", `The domain ${domid} (${uuid}) has ended.`, {
    field: "state",
    found: "ended",
  });
}
