import { type DiskConfig, type VifConfig, vdevNumber } from "@pvh/builder";
import { isErrorCode, PvhError } from "@pvh/errors";
import type { DeviceStatus } from "@pvh/kvm";

/** The devices of a simulated guest. */
export class SimulatedDevices {
  list: DeviceStatus[] = [];

  attachDisk({ vdev, target, access }: DiskConfig): DeviceStatus {
    const [, code = ""] = /^\/fail\/(\w+)$/.exec(target) ?? [];
    if (isErrorCode(code)) throw new PvhError(code, `The simulator fails with ${code}.`);
    return this.#attach({
      kind: "vbd",
      id: vdevNumber(vdev) ?? 0,
      name: vdev,
      target,
      readonly: access === "r",
      state: "connected",
    });
  }

  attachVif({ devid, mac, bridge }: VifConfig): DeviceStatus {
    if (bridge === "fail") throw new PvhError("HOST_NETWORK", "The simulator has no such bridge.");
    const taken = this.list.filter(({ kind }) => kind === "vif").map(({ id }) => id);
    let id = devid ?? 0;
    while (devid === undefined && taken.includes(id)) id++;
    return this.#attach({
      kind: "vif",
      id,
      name: `vif${id}`,
      mac: mac ?? `00:16:3e:00:00:${id.toString(16).padStart(2, "0")}`,
      ...(bridge === undefined ? {} : { bridge }),
      state: "connected",
    });
  }

  #attach(device: DeviceStatus): DeviceStatus {
    this.list.push(device);
    return device;
  }

  detach(device: DeviceStatus): void {
    this.list = this.list.filter((one) => one !== device);
  }
}
