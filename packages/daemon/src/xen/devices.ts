import { closeSync, constants, existsSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type DiskConfig, defaultMac, parseRate, type VifConfig, vdevNumber } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { type DeviceStatus, refuseTakenDisk, refuseTakenVif, requireDisk, requireVif } from "@pvh/kvm";
import type { XenStore } from "@pvh/xenctl-ffi";
import { unsupported } from "../backend.ts";
import {
  addDevice,
  type DevicePaths,
  devicePaths,
  removeDevice,
  startRemoval,
  waitForBackEnd,
} from "./device-nodes.ts";
import { joinBridge } from "./host-interface.ts";
import { refuseSharedDisk } from "./shared-disk.ts";
import type { XenWorkers } from "./workers.ts";
import { XENBUS, xenbusName } from "./xenbus.ts";

const DEFAULT_BRIDGE = "xenbr0";
const DISK_SCRIPT = "/etc/xen/scripts/block";
const VIF_SCRIPT = "/etc/xen/scripts/vif-bridge";
const DEFAULT_MTU = 1500;
/** What xl waits for a back end, and for a front end to let go. */
const BACK_END_MS = 10_000;

export interface DeviceHost {
  store: XenStore;
  workers: XenWorkers;
  /** Directory of what libxl keeps about domains; absent: where libxl looks. */
  userData?: string;
}

/** The disks and interfaces of one domain, which the host's own back ends serve. The store alone knows what there is. */
export class XenDevices {
  readonly #host: DeviceHost;
  readonly #domid: number;
  readonly #uuid: string;

  constructor(host: DeviceHost, domid: number, uuid: string) {
    this.#host = host;
    this.#domid = domid;
    this.#uuid = uuid;
  }

  /** Devices that the guest begins with; those whose number the config gives come first. */
  async addAll(disks: readonly DiskConfig[], vifs: readonly VifConfig[]): Promise<void> {
    for (const disk of disks) await this.attachDisk(disk);
    const numbered = vifs.filter(({ devid }) => devid !== undefined);
    for (const vif of [...numbered, ...vifs.filter((vif) => !numbered.includes(vif))])
      await this.attachVif(vif);
  }

  async list(): Promise<DeviceStatus[]> {
    const kinds = await Promise.all([this.#disks(), this.#vifs()]);
    return kinds.flat();
  }

  async attachDisk(disk: DiskConfig): Promise<DeviceStatus> {
    if (disk.backendtype !== undefined) {
      throw unsupported("xen", "serve a disk by QEMU", "convert the image with qemu-img convert -O raw");
    }
    refuseTakenDisk(await this.list(), disk);
    const { target, vdev, access, devtype, discard, trusted, direct_io_safe } = disk;
    const id = vdevNumber(vdev) ?? 0;
    const readonly = access === "r";
    const device = await this.#blockDevice(target, readonly);
    try {
      await refuseSharedDisk(this.#host.store, target, readonly, this.#domid);
      const { major, minor } = deviceNumber(device.rdev);
      const paths = await addDevice(this.#host.store, this.#domid, {
        kind: "vbd",
        id,
        front: { "virtual-device": `${id}`, "device-type": devtype, trusted: trusted ? "1" : "0" },
        back: {
          params: target,
          // Not run here, but xl runs it to take the device away; a loop device goes by itself.
          script: device.fd === undefined ? DISK_SCRIPT : "/bin/true",
          "physical-device-path": device.path,
          ...(device.fd === undefined ? {} : { node: device.path }),
          removable: devtype === "cdrom" ? "1" : "0",
          bootable: "1",
          dev: vdev,
          type: "phy",
          mode: readonly ? "r" : "w",
          "device-type": devtype,
          ...(direct_io_safe ? { "direct-io-safe": "1" } : {}),
          "discard-enable": discard ? "1" : "0",
          specification: "xen",
          "physical-device": `${major.toString(16)}:${minor.toString(16)}`,
          "hotplug-status": "connected",
        },
      });
      await this.#untilReady(paths, () => {
        const opened = `/sys/bus/xen-backend/devices/vbd-${this.#domid}-${id}/physical_device`;
        return this.#untilExists(opened, `does not open ${target}`, paths);
      });
    } finally {
      // The back end has it open by now, or nobody needs it.
      if (device.fd !== undefined) closeSync(device.fd);
    }
    return requireDisk(await this.list(), vdev);
  }

  async detachDisk(vdev: string, force: boolean): Promise<void> {
    const { id } = requireDisk(await this.list(), vdev);
    await this.#remove(devicePaths(this.#domid, "vbd", id), force);
  }

  async attachVif(vif: VifConfig): Promise<DeviceStatus> {
    const there = await this.list();
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
    await this.#untilReady(paths, async () => {
      const kernelName = `vif${this.#domid}.${devid}`;
      await this.#untilExists(`/sys/class/net/${kernelName}`, "makes no interface", paths);
      await joinBridge({ kernelName, vifname, bridge, mtu });
      await this.#host.store.write(`${paths.back}/hotplug-status`, "connected");
    });
    return requireVif(await this.list(), devid);
  }

  async detachVif(devid: number, force: boolean): Promise<void> {
    requireVif(await this.list(), devid);
    await this.#remove(devicePaths(this.#domid, "vif", devid), force);
  }

  /** For a domain that is over: asks nobody, waits for the back ends together. */
  async removeAll(): Promise<void> {
    const { store } = this.#host;
    const kinds = ["vbd", "vif"] as const;
    const lists = await Promise.all(kinds.map((kind) => store.list(`/libxl/${this.#domid}/device/${kind}`)));
    const devices = kinds.flatMap((kind, i) =>
      (lists[i] ?? []).map((id) => devicePaths(this.#domid, kind, Number(id))),
    );
    await Promise.all(devices.map((paths) => this.#remove(paths, true)));
  }

  async #remove(paths: DevicePaths, force: boolean): Promise<void> {
    const { store } = this.#host;
    await startRemoval(store, paths, force);
    const gone = await waitForBackEnd(store, paths, [XENBUS.closed, XENBUS.unknown], BACK_END_MS);
    if (gone === undefined && !force) {
      throw new PvhError(
        "DOMAIN_STATE",
        `The guest has not let go of the device within ${BACK_END_MS / 1000} s; detach it by force, if that may cost data.`,
        { field: paths.front, found: "still in use" },
      );
    }
    await removeDevice(store, paths);
  }

  /** What fails takes the device away again, and names what the back end said. */
  async #untilReady(paths: DevicePaths, finish: () => Promise<void>): Promise<void> {
    const { store } = this.#host;
    try {
      const wanted = [XENBUS.initWait, XENBUS.initialised, XENBUS.connected];
      const state = await waitForBackEnd(store, paths, wanted, BACK_END_MS);
      if (state === undefined) throw await backEndFailed(store, paths, "does not answer");
      await finish();
    } catch (error) {
      await this.#remove(paths, true).catch(() => {});
      throw error;
    }
  }

  /** Back ends do some of their work a while after they were told to. */
  async #untilExists(path: string, what: string, paths: DevicePaths): Promise<void> {
    for (const deadline = performance.now() + BACK_END_MS; !existsSync(path); ) {
      const state = Number(await this.#host.store.read(`${paths.back}/state`));
      if (state >= XENBUS.closing || performance.now() > deadline) {
        throw await backEndFailed(this.#host.store, paths, what);
      }
      await sleep(5);
    }
  }

  async #blockDevice(
    target: string,
    readonly: boolean,
  ): Promise<{ path: string; rdev: number; fd?: number }> {
    try {
      const found = await stat(target);
      await access(target, readonly ? constants.R_OK : constants.R_OK | constants.W_OK);
      if (found.isBlockDevice()) return { path: target, rdev: found.rdev };
      if (!found.isFile()) throw new Error("it is neither a block device nor a regular file");
    } catch (cause) {
      throw new PvhError(
        "FILE_UNREADABLE",
        `disk: ${target} cannot be used; check the path and its permissions.`,
        {
          field: "disk",
          found: target,
          allowed: "a block device or an image file",
          cause,
        },
      );
    }
    return this.#host.workers.run("attach-loop", { file: target, readonly, direct: true });
  }

  async #disks(): Promise<DeviceStatus[]> {
    return this.#each("vbd", async (id, read) => {
      const [dev = "", target = "", mode, state] = await Promise.all(
        ["dev", "params", "mode", "state"].map(read),
      );
      return { kind: "vbd", id, name: dev, target, readonly: mode === "r", state: xenbusName(state) };
    });
  }

  async #vifs(): Promise<DeviceStatus[]> {
    return this.#each("vif", async (id, read) => {
      const names = ["mac", "bridge", "vifname", "state"];
      const [mac = "", bridge, vifname, state] = await Promise.all(names.map(read));
      const name = vifname ?? `vif${this.#domid}.${id}`;
      return {
        kind: "vif",
        id,
        name,
        mac,
        ...(bridge === undefined ? {} : { bridge }),
        state: xenbusName(state),
      };
    });
  }

  async #each(
    kind: "vbd" | "vif",
    describe: (id: number, read: (node: string) => Promise<string | undefined>) => Promise<DeviceStatus>,
  ): Promise<DeviceStatus[]> {
    const ids = await this.#host.store.list(`/libxl/${this.#domid}/device/${kind}`);
    return Promise.all(
      ids.map(Number).map((id) => {
        const { back } = devicePaths(this.#domid, kind, id);
        return describe(id, (node) => this.#host.store.read(`${back}/${node}`));
      }),
    );
  }
}

async function backEndFailed(store: XenStore, paths: DevicePaths, what: string): Promise<PvhError> {
  const said = await store.read(`/local/domain/0/error/${paths.back.replace("/local/domain/0/", "")}/error`);
  const module = paths.back.includes("/vbd/") ? "xen_blkback" : "xen_netback";
  return new PvhError(
    "XEN_DEVICE",
    `The back end of ${paths.front} ${what}; see what the host's kernel says (dmesg), and whether ${module} is loaded.`,
    { field: paths.front, ...(said === undefined ? {} : { found: said, cause: new Error(said) }) },
  );
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

/** Linux's encoding of a device number in 64 bits. */
function deviceNumber(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}
