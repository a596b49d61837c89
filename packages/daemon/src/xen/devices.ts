import { existsSync } from "node:fs";
import { type DiskConfig, defaultMac, parseRate, type VifConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { type DeviceStatus, refuseTakenVif, requireVif } from "@pvh/kvm";
import type { XenStore } from "@pvh/xenctl-ffi";
import { requireImage } from "./block-image.ts";
import { endDevice, untilExists, untilReady } from "./device-life.ts";
import { addDevice, devicePaths } from "./device-nodes.ts";
import { DomainDisks } from "./disks.ts";
import { joinBridge } from "./host-interface.ts";
import type { QdiskOwner } from "./qdisk-server.ts";
import type { XenWorkers } from "./workers.ts";
import { xenbusName } from "./xenbus.ts";

const DEFAULT_BRIDGE = "xenbr0";
const VIF_SCRIPT = "/etc/xen/scripts/vif-bridge";
const DEFAULT_MTU = 1500;

export interface DeviceHost {
  store: XenStore;
  workers: XenWorkers;
  /** Directory of what libxl keeps about domains; absent: where libxl looks. */
  userData?: string;
}

export interface DeviceOwner extends QdiskOwner {
  uuid: string;
}

/** The disks and interfaces of one domain, which the host's back ends serve. The store alone knows what there is. */
export class XenDevices {
  readonly #host: DeviceHost;
  readonly #domid: number;
  readonly #uuid: string;
  readonly #disks: DomainDisks;

  constructor(host: DeviceHost, owner: DeviceOwner) {
    this.#host = host;
    this.#domid = owner.domid;
    this.#uuid = owner.uuid;
    this.#disks = new DomainDisks(host, owner);
  }

  /**
   * Devices that the guest begins with; those whose number the config gives come first.
   *
   * @param letGo domains that do not use their disks any more, so that this one may
   */
  async addAll(
    disks: readonly DiskConfig[],
    vifs: readonly VifConfig[],
    letGo: readonly number[] = [],
  ): Promise<void> {
    for (const disk of disks) await this.attachDisk(disk, letGo);
    const numbered = vifs.filter(({ devid }) => devid !== undefined);
    for (const vif of [...numbered, ...vifs.filter((vif) => !numbered.includes(vif))])
      await this.attachVif(vif);
  }

  async list(): Promise<DeviceStatus[]> {
    const kinds = await Promise.all([this.#disks.list(), this.#vifs()]);
    return kinds.flat();
  }

  /** Refuses what the host does not have, before anything is made. */
  async requireOnHost(disks: readonly DiskConfig[], vifs: readonly VifConfig[]): Promise<void> {
    for (const disk of disks) await requireImage(disk);
    for (const { bridge = DEFAULT_BRIDGE } of vifs) requireBridge(bridge);
  }

  attachDisk(disk: DiskConfig, letGo: readonly number[] = []): Promise<DeviceStatus> {
    return this.#disks.attach(disk, letGo);
  }

  detachDisk(vdev: string, force: boolean): Promise<void> {
    return this.#disks.detach(vdev, force);
  }

  async attachVif(vif: VifConfig): Promise<DeviceStatus> {
    const there = await this.#vifs();
    refuseTakenVif(there, vif);
    const devid = vif.devid ?? freeDevid(there);
    const { mac = defaultMac(this.#uuid, devid), bridge = DEFAULT_BRIDGE, vifname, ip, trusted = true } = vif;
    const { mtu = DEFAULT_MTU } = vif;
    requireBridge(bridge);
    const rate = vif.rate === undefined ? undefined : parseRate(vif.rate);
    const paths = await addDevice(this.#host.store, this.#domid, {
      kind: "vif",
      id: devid,
      front: { handle: `${devid}`, mac, trusted: trusted ? "1" : "0" },
      frontReadOnly: { mtu: `${mtu}` },
      back: {
        // Not run, but Linux's back end wants to know one.
        script: VIF_SCRIPT,
        ...(vifname === undefined ? {} : { vifname }),
        mac,
        ...(ip === undefined ? {} : { ip }),
        ...(rate === undefined ? {} : { rate: `${rate.bytes},${rate.microseconds}` }),
        ...(mtu === DEFAULT_MTU ? {} : { mtu: `${mtu}` }),
        bridge,
        handle: `${devid}`,
        type: "vif",
        "hotplug-status": "",
      },
    });
    await untilReady(this.#host.store, paths, async () => {
      const kernelName = `vif${this.#domid}.${devid}`;
      await untilExists(this.#host.store, `/sys/class/net/${kernelName}`, "makes no interface", paths);
      await joinBridge({ kernelName, vifname, bridge, mtu });
      await this.#host.store.write(`${paths.back}/hotplug-status`, "connected");
    });
    return requireVif(await this.#vifs(), devid);
  }

  async detachVif(devid: number, force: boolean): Promise<void> {
    requireVif(await this.#vifs(), devid);
    await endDevice(this.#host.store, devicePaths(this.#domid, "vif", devid), force);
  }

  /** For a domain that is over: asks nobody, waits for the back ends together. */
  async removeAll(): Promise<void> {
    const { store } = this.#host;
    const vifs = (await this.#vifIds()).map((id) =>
      endDevice(store, devicePaths(this.#domid, "vif", id), true),
    );
    await Promise.all([this.#disks.removeAll(), ...vifs]);
  }

  /** Ends what serves the domain, also when nobody knows its devices any more. */
  endServers(): Promise<void> {
    return this.#disks.endServer();
  }

  async #vifs(): Promise<DeviceStatus[]> {
    return Promise.all((await this.#vifIds()).map((id) => this.#vif(id)));
  }

  async #vif(id: number): Promise<DeviceStatus> {
    const { back } = devicePaths(this.#domid, "vif", id);
    const names = ["mac", "bridge", "vifname", "state"];
    const [mac = "", bridge, vifname, state] = await Promise.all(
      names.map((node) => this.#host.store.read(`${back}/${node}`)),
    );
    return {
      kind: "vif",
      id,
      name: vifname ?? `vif${this.#domid}.${id}`,
      mac,
      ...(bridge === undefined ? {} : { bridge }),
      state: xenbusName(state),
    };
  }

  async #vifIds(): Promise<number[]> {
    return (await this.#host.store.list(`/libxl/${this.#domid}/device/vif`)).map(Number);
  }
}

function freeDevid(devices: readonly DeviceStatus[]): number {
  const taken = new Set(devices.filter(({ kind }) => kind === "vif").map(({ id }) => id));
  for (let devid = 0; ; devid++) if (!taken.has(devid)) return devid;
}

function requireBridge(name: string): void {
  if (existsSync(`/sys/class/net/${name}/bridge`)) return;
  throw new PvhError(
    "HOST_NETWORK",
    `The host has no bridge ${JSON.stringify(name)}: make it (ip link add ${name} type bridge), or name another one in vif.`,
    { field: "vif.bridge", found: name, allowed: "a bridge of the host" },
  );
}
