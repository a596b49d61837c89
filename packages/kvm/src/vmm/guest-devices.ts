import type { DiskConfig, VifConfig } from "@pvh/builder";
import type { DeviceStatus } from "../protocol.ts";

/** The PV devices of a running guest. */
export interface GuestDevices {
  devices(): DeviceStatus[];
  attachDisk(disk: DiskConfig): Promise<DeviceStatus>;
  /** @param force without waiting for the guest to let go of it */
  detachDisk(vdev: string, force: boolean): Promise<void>;
  attachVif(vif: VifConfig): Promise<DeviceStatus>;
  detachVif(devid: number, force: boolean): Promise<void>;
}
