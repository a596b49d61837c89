import { closeSync } from "node:fs";
import type { DiskConfig } from "@pvh/builder";
import { formatError } from "@pvh/errors";
import { type DeviceStatus, refuseTakenDisk, requireDisk } from "@pvh/kvm";
import { textOfUtf8 } from "@pvh/xenctl-ffi";
import { Serial } from "../serial.ts";
import { requireImage } from "./block-image.ts";
import { endDevice, untilExists, untilReady } from "./device-life.ts";
import { addDevice, type DevicePaths, isQdisk, pathsOf, removeDevice, startRemoval } from "./device-nodes.ts";
import type { DeviceHost } from "./devices.ts";
import { imageOf, phyNodes, qdiskNodes, type ServedDevice } from "./disk-nodes.ts";
import { requireFormat } from "./image-format.ts";
import { type QdiskOwner, QdiskServer } from "./qdisk-server.ts";
import { readOnlyRefused } from "./read-only-qdisk.ts";
import { refuseSharedDisk } from "./shared-disk.ts";
import { XENBUS, xenbusName } from "./xenbus.ts";

/** The one thing that is done alone: QEMU comes with the first disk that needs it, and goes with the last. */
const QDISKS = "qdisks";

/** The disks of one domain: those that the host's kernel serves, and those of QEMU. */
export class DomainDisks {
  readonly #host: DeviceHost;
  readonly #domid: number;
  readonly #server: QdiskServer;
  readonly #turns = new Serial();

  constructor(host: DeviceHost, owner: QdiskOwner) {
    this.#host = host;
    this.#domid = owner.domid;
    this.#server = new QdiskServer(host.store, owner);
  }

  async list(): Promise<DeviceStatus[]> {
    const { store } = this.#host;
    return Promise.all(
      (await this.#ids()).map(async (id) => {
        const { back } = await pathsOf(store, this.#domid, "vbd", id);
        const [dev = "", params = "", mode, state] = await Promise.all(
          ["dev", "params", "mode", "state"].map((node) => store.read(`${back}/${node}`)),
        );
        const { target } = imageOf(textOfUtf8(params));
        return { kind: "vbd", id, name: dev, target, readonly: mode === "r", state: xenbusName(state) };
      }),
    );
  }

  /** @param letGo domains that do not use their disks any more, so that this one may */
  async attach(disk: DiskConfig, letGo: readonly number[]): Promise<DeviceStatus> {
    refuseTakenDisk(await this.list(), disk);
    const { rdev } = await requireImage(disk);
    if (disk.backendtype === "qdisk") await this.#turns.run(QDISKS, () => this.#attachQdisk(disk, letGo));
    else await this.#attachPhy(disk, rdev, letGo);
    return requireDisk(await this.list(), disk.vdev);
  }

  async detach(vdev: string, force: boolean): Promise<void> {
    const { id } = requireDisk(await this.list(), vdev);
    await this.#remove(await pathsOf(this.#host.store, this.#domid, "vbd", id), force);
  }

  /** For a domain that is over: asks nobody, waits for the back ends together. */
  async removeAll(): Promise<void> {
    this.#server.close();
    const all = await Promise.all((await this.#ids()).map((id) => this.#pathsOf(id)));
    await Promise.all(all.map((paths) => this.#end(paths, true)));
    await this.endServer();
  }

  /** Nothing of the domain serves it any more, also when nobody knows its devices. */
  async endServer(): Promise<void> {
    await this.#server.end();
  }

  async #attachPhy(disk: DiskConfig, rdev: number | undefined, letGo: readonly number[]): Promise<void> {
    const { store, workers } = this.#host;
    const { target } = disk;
    const readonly = disk.access === "r";
    const loop =
      rdev === undefined
        ? await workers.run("attach-loop", { file: target, readonly, direct: true })
        : undefined;
    const device: ServedDevice =
      loop === undefined
        ? { path: target, rdev: rdev ?? 0, isLoop: false }
        : { path: loop.path, rdev: loop.rdev, isLoop: true };
    try {
      await refuseSharedDisk(store, target, readonly, this.#domid, letGo);
      const nodes = phyNodes(disk, device);
      const paths = await addDevice(store, this.#domid, nodes);
      await untilReady(store, paths, () => {
        const opened = `/sys/bus/xen-backend/devices/vbd-${this.#domid}-${nodes.id}/physical_device`;
        return untilExists(store, opened, `does not open ${target}`, paths);
      });
    } finally {
      // The back end has it open by now, or nobody needs it.
      if (loop !== undefined) closeSync(loop.fd);
    }
  }

  async #attachQdisk(disk: DiskConfig, letGo: readonly number[]): Promise<void> {
    const { store } = this.#host;
    const { target, format, access } = disk;
    await requireFormat(target, format);
    await refuseSharedDisk(store, target, access === "r", this.#domid, letGo);
    try {
      await this.#server.start(target);
      await this.#server.serve(target, () => addDevice(store, this.#domid, qdiskNodes(disk)));
    } catch (error) {
      await this.#undo(await this.#pathsOf(qdiskNodes(disk).id)).catch((second: unknown) => {
        process.stderr.write(`disk ${disk.vdev} of domain ${this.#domid}: ${formatError(second)}\n`);
      });
      throw readOnlyRefused(disk, error) ?? error;
    }
  }

  /** Takes back what was done for a disk that QEMU does not serve. */
  async #undo(paths: DevicePaths): Promise<void> {
    const state = await this.#host.store.read(`${paths.back}/state`);
    // One that is as it was written is nothing to QEMU.
    if (Number(state ?? XENBUS.initialising) > XENBUS.initialising) await this.#end(paths, true);
    else await this.#drop(paths);
    await this.#stopIdleServer();
  }

  async #remove(paths: DevicePaths, force: boolean): Promise<void> {
    if (!isQdisk(paths)) return this.#end(paths, force);
    return this.#turns.run(QDISKS, async () => {
      await this.#end(paths, force);
      await this.#stopIdleServer();
    });
  }

  async #end(paths: DevicePaths, force: boolean): Promise<void> {
    const { store } = this.#host;
    if (!isQdisk(paths)) return endDevice(store, paths, force);
    const { target } = imageOf(textOfUtf8((await store.read(`${paths.back}/params`)) ?? ""));
    if (this.#server.running) {
      return endDevice(store, paths, force, () => this.#server.untilReleased(target, paths));
    }
    await this.#drop(paths);
  }

  /** For a device that nobody answers for. */
  async #drop(paths: DevicePaths): Promise<void> {
    const { store } = this.#host;
    await startRemoval(store, paths, true);
    await removeDevice(store, paths);
  }

  async #stopIdleServer(): Promise<void> {
    const all = await Promise.all((await this.#ids()).map((id) => this.#pathsOf(id)));
    if (!all.some(isQdisk)) await this.#server.stop();
  }

  async #ids(): Promise<number[]> {
    return (await this.#host.store.list(`/libxl/${this.#domid}/device/vbd`)).map(Number);
  }

  #pathsOf(id: number): Promise<DevicePaths> {
    return pathsOf(this.#host.store, this.#domid, "vbd", id);
  }
}
