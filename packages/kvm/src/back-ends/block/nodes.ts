import { VDISK } from "@pvh/abi";
import type { DeviceNodes } from "../../xenstore/device-nodes.ts";
import type { DiskConfig, DiskImage } from "./disk-image.ts";
import { MAX_QUEUES, MAX_RING_PAGE_ORDER } from "./front-end-nodes.ts";
import { MAX_INDIRECT_SEGMENTS, SECTOR } from "./segments.ts";

const flag = (value: boolean | undefined) => (value === true ? "1" : "0");

/** What libxl writes for a disk, for addDevice. There is no hotplug script: the disk is there already. */
export function diskNodes(config: DiskConfig): DeviceNodes {
  const type = config.cdrom === true ? "cdrom" : "disk";
  return {
    kind: "vbd",
    id: config.devid,
    front: {
      "virtual-device": `${config.devid}`,
      "device-type": type,
      trusted: flag(config.trusted ?? true),
    },
    back: {
      params: config.path,
      "physical-device-path": config.path,
      removable: flag(config.cdrom),
      bootable: "1",
      dev: config.name,
      type: "phy",
      mode: config.readonly ? "r" : "w",
      "device-type": type,
      ...(config.direct ? { "direct-io-safe": "1" } : {}),
      "discard-enable": flag(config.discard),
      specification: "xen",
      "hotplug-status": "connected",
    },
  };
}

/** What the back end can do and what the disk is. */
export function offeredNodes({ config, properties }: DiskImage): Record<string, string> {
  const { sectors, physicalSectorSize, discardable } = properties;
  const info = (config.readonly ? VDISK.READONLY : 0) | (config.cdrom === true ? VDISK.CDROM : 0);
  return {
    sectors: `${sectors}`,
    "sector-size": `${SECTOR}`,
    "physical-sector-size": `${physicalSectorSize}`,
    info: `${info}`,
    "feature-barrier": "1",
    "feature-flush-cache": "1",
    "feature-discard": flag(discardable !== undefined),
    ...(discardable === undefined
      ? {}
      : {
          "discard-granularity": `${discardable.granularity}`,
          "discard-alignment": `${discardable.alignment}`,
          "discard-secure": "0",
        }),
    // A front end that agrees would copy all data through pages that stay granted. Here granting costs nothing.
    "feature-persistent": "0",
    "feature-max-indirect-segments": `${MAX_INDIRECT_SEGMENTS}`,
    "max-ring-page-order": `${MAX_RING_PAGE_ORDER}`,
    "multi-queue-max-queues": `${MAX_QUEUES}`,
  };
}
