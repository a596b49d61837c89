import { type DiskConfig, defaultMac, parseRate, type VifConfig, vdevNumber } from "@pvh/builder";
import { startBlockBackEnd } from "../back-ends/block/back-end.ts";
import { diskNodes } from "../back-ends/block/nodes.ts";
import { openDisk } from "../back-ends/block/open-disk.ts";
import type { BackEndHost } from "../back-ends/host.ts";
import { startNetBackEnd } from "../back-ends/net/back-end.ts";
import { hostInterfaceName, type Vif, vifNodes } from "../back-ends/net/vif.ts";
import { type BackEndDevice, XENBUS } from "../back-ends/xenbus.ts";
import { openTap } from "../host/tap.ts";
import type { DeviceStatus } from "../protocol.ts";
import { addDevice } from "../xenstore/device-nodes.ts";
import type { GuestDevices } from "./guest-devices.ts";

interface Running {
  device: BackEndDevice;
  status: Omit<DeviceStatus, "state">;
}

const stateNames = Object.entries(XENBUS).map(([name, state]): [number, string] => [
  state,
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
]);

/** The disks and network interfaces of a guest, each with its back end in this process. */
export class PvDevices implements GuestDevices {
  readonly #host: BackEndHost;
  readonly #uuid: string;
  readonly #running = new Map<string, Running>();

  constructor(host: BackEndHost, uuid: string) {
    this.#host = host;
    this.#uuid = uuid;
  }

  /** Devices that the guest begins with. Anything that cannot be opened keeps the domain from starting. */
  async addAll(disks: readonly DiskConfig[], vifs: readonly VifConfig[]): Promise<void> {
    for (const disk of disks) await this.attachDisk(disk);
    // Those with a number first: the others get what is left.
    const numbered = vifs.filter(({ devid }) => devid !== undefined);
    for (const vif of [...numbered, ...vifs.filter((vif) => !numbered.includes(vif))])
      await this.attachVif(vif);
  }

  devices(): DeviceStatus[] {
    const names = new Map(stateNames);
    return [...this.#running.values()].map(({ device, status }) => ({
      ...status,
      state: names.get(device.state) ?? "unknown",
    }));
  }

  async attachDisk(disk: DiskConfig): Promise<DeviceStatus> {
    const { target, vdev, discard, trusted } = disk;
    const id = vdevNumber(vdev) ?? 0;
    const readonly = disk.access === "r";
    const config = {
      path: target,
      devid: id,
      name: vdev,
      readonly,
      discard,
      direct: disk.direct_io_safe,
      cdrom: disk.devtype === "cdrom",
      trusted,
    };
    const image = openDisk(config);
    try {
      addDevice(this.#host.store, this.#host.domid, diskNodes(config));
    } catch (error) {
      image.close();
      throw error;
    }
    const device = startBlockBackEnd(this.#host, image);
    return this.#keep(device, { kind: "vbd", id, name: vdev, target, readonly });
  }

  async detachDisk(vdev: string, force: boolean): Promise<void> {
    await this.#remove(keyOf("vbd", vdevNumber(vdev) ?? 0), force);
  }

  async attachVif(vif: VifConfig): Promise<DeviceStatus> {
    const devid = vif.devid ?? this.#freeDevid();
    const { mac = defaultMac(this.#uuid, devid), bridge, vifname, mtu, rate, ip, trusted } = vif;
    const limit = rate === undefined ? undefined : parseRate(rate);
    const config: Vif = { devid, mac, bridge, vifname, mtu, rate: limit, ip, trusted };
    const name = hostInterfaceName(this.#host.domid, config);
    const tap = openTap({ name, bridge, mtu });
    if (tap.warning !== undefined) console.error(tap.warning);
    try {
      addDevice(this.#host.store, this.#host.domid, vifNodes(config, tap.bridge));
    } catch (error) {
      tap.close();
      throw error;
    }
    const device = startNetBackEnd(this.#host, tap, config);
    const attached = tap.bridge === undefined ? {} : { bridge: tap.bridge };
    return this.#keep(device, { kind: "vif", id: devid, name: tap.name, mac, ...attached });
  }

  async detachVif(devid: number, force: boolean): Promise<void> {
    await this.#remove(keyOf("vif", devid), force);
  }

  async #remove(key: string, force: boolean): Promise<void> {
    const running = this.#running.get(key);
    await running?.device.remove({ force });
    // Not listed any more when the caller looks.
    if (force) await running?.device.closed;
  }

  #keep(device: BackEndDevice, status: Running["status"]): DeviceStatus {
    const key = keyOf(status.kind, status.id);
    this.#running.set(key, { device, status });
    void device.closed.then(() => this.#running.delete(key));
    return { ...status, state: "initialising" };
  }

  #freeDevid(): number {
    for (let devid = 0; ; devid++) if (!this.#running.has(keyOf("vif", devid))) return devid;
  }
}

function keyOf(kind: DeviceStatus["kind"], id: number): string {
  return `${kind} ${id}`;
}
