import {
  type DeviceKind,
  type DeviceNodes,
  type DevicePaths,
  devicePaths,
  addDevice as writeDevice,
} from "@pvh/kvm/xenstore";
import { record, type XenStore } from "@pvh/xenctl-ffi";
import { waitForNode } from "./store-nodes.ts";
import { XENBUS } from "./xenbus.ts";

export { type DevicePaths, devicePaths };

/** Writes what libxl__device_generic_add does, visible at once; both ends are then in state Initialising. */
export async function addDevice(store: XenStore, domid: number, device: DeviceNodes): Promise<DevicePaths> {
  await store.apply(record((client) => void writeDevice(client, domid, device)).flat());
  return devicePaths(domid, device.kind, device.id, device.backEnd);
}

/** Where a device lives that is there: of a disk there are back ends of several kinds. */
export async function pathsOf(
  store: XenStore,
  domid: number,
  kind: DeviceKind,
  id: number,
): Promise<DevicePaths> {
  const usual = devicePaths(domid, kind, id);
  return { ...usual, back: (await store.read(`${usual.libxl}/backend`)) ?? usual.back };
}

/** Whether QEMU is the back end. */
export function isQdisk({ back }: DevicePaths): boolean {
  return back.includes("/backend/qdisk/");
}

/** Asks both ends to let go of the device; by force, without the guest. */
export async function startRemoval(
  store: XenStore,
  { front, back }: DevicePaths,
  force: boolean,
): Promise<void> {
  await store.transaction(async (view) => {
    const state = await view.read(`${back}/state`);
    if (force) void view.remove(front);
    if (state === undefined || Number(state) === XENBUS.closed) return;
    await Promise.all([view.write(`${back}/online`, "0"), view.write(`${back}/state`, `${XENBUS.closing}`)]);
  });
}

/** The back end's state when it is one of these, in time; a back end that is gone has state Unknown. */
export async function waitForBackEnd(
  store: XenStore,
  { back }: DevicePaths,
  states: readonly number[],
  timeoutMs: number,
): Promise<number | undefined> {
  const found = await waitForNode(
    store,
    `${back}/state`,
    (value) => states.includes(Number(value ?? XENBUS.unknown)),
    timeoutMs,
  );
  return found === undefined ? undefined : Number(found.value ?? XENBUS.unknown);
}

/** Removes the device's nodes, and the directory of its kind when it was the last one. */
export async function removeDevice(store: XenStore, { front, back, libxl }: DevicePaths): Promise<void> {
  await store.transaction(async (view) => {
    for (const [path, levels] of [
      [front, 1],
      [back, 2],
      [libxl, 1],
    ] as const) {
      await view.remove(path);
      let directory = path;
      for (let level = 0; level < levels; level++) {
        directory = directory.slice(0, directory.lastIndexOf("/"));
        if ((await view.list(directory)).length > 0) break;
        await view.remove(directory);
      }
    }
  });
}
