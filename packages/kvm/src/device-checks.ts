import { type DiskConfig, type VifConfig, vdevNumber } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { DeviceStatus } from "./protocol.ts";

/**
 * The guest finds a disk by its number, so that `xvda` and `d0` are one place.
 *
 * @throws PvhError DEVICE_TAKEN
 */
export function refuseTakenDisk(devices: readonly DeviceStatus[], { vdev }: DiskConfig): void {
  const holder = findDisk(devices, vdev);
  if (holder === undefined) return;
  throw new PvhError(
    "DEVICE_TAKEN",
    `vdev is ${JSON.stringify(vdev)}, where the domain has the disk ${holder.target ?? holder.name}; choose another vdev, or detach that disk.`,
    { field: "vdev", found: vdev },
  );
}

/** @throws PvhError DEVICE_TAKEN */
export function refuseTakenVif(devices: readonly DeviceStatus[], { devid, mac }: VifConfig): void {
  const vifs = devices.filter(({ kind }) => kind === "vif");
  if (devid !== undefined && vifs.some(({ id }) => id === devid)) {
    throw new PvhError(
      "DEVICE_TAKEN",
      `devid is ${devid}, which another interface of the domain has; leave it out, or detach that interface.`,
      { field: "devid", found: devid },
    );
  }
  const twin = mac === undefined ? undefined : vifs.find((vif) => vif.mac === mac);
  if (twin === undefined) return;
  throw new PvhError(
    "DEVICE_TAKEN",
    `mac is ${mac}, which interface ${twin.id} of the domain has; give another address, or leave it out.`,
    { field: "mac", found: String(mac) },
  );
}

/** @throws PvhError DEVICE_NOT_FOUND */
export function requireDisk(devices: readonly DeviceStatus[], vdev: string): DeviceStatus {
  const disk = findDisk(devices, vdev);
  if (disk !== undefined) return disk;
  throw notFound(
    "disk",
    "vdev",
    vdev,
    names(devices, "vbd", ({ name }) => name),
  );
}

/** @throws PvhError DEVICE_NOT_FOUND */
export function requireVif(devices: readonly DeviceStatus[], devid: number): DeviceStatus {
  const vif = devices.find(({ kind, id }) => kind === "vif" && id === devid);
  if (vif !== undefined) return vif;
  throw notFound(
    "interface",
    "devid",
    devid,
    names(devices, "vif", ({ id }) => String(id)),
  );
}

function findDisk(devices: readonly DeviceStatus[], vdev: string): DeviceStatus | undefined {
  const number = vdevNumber(vdev);
  return devices.find(({ kind, id }) => kind === "vbd" && id === number);
}

function names(
  devices: readonly DeviceStatus[],
  kind: DeviceStatus["kind"],
  name: (device: DeviceStatus) => string,
): string {
  return devices
    .filter((device) => device.kind === kind)
    .map(name)
    .join(", ");
}

function notFound(what: string, field: string, found: string | number, there: string): PvhError {
  const has = there === "" ? "it has none" : `it has ${there}`;
  return new PvhError("DEVICE_NOT_FOUND", `The domain has no ${what} ${JSON.stringify(found)}; ${has}.`, {
    field,
    found,
    ...(there === "" ? {} : { allowed: there }),
  });
}
