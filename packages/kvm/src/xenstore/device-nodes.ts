import type { Permission, StoreClient } from "./client.ts";

/** Where a device lives in the store. */
export interface DevicePaths {
  /** `/local/domain/N/device/KIND/ID`, which the guest owns: what stands there is hostile. */
  readonly front: string;
  /** `/local/domain/0/backend/BACK-END/N/ID`, which the guest only reads. */
  readonly back: string;
  /** `/libxl/N/device/KIND/ID`: the toolstack's copy, which the guest cannot change. */
  readonly libxl: string;
}

export type DeviceKind = "vbd" | "vif";

export interface DeviceNodes {
  readonly kind: DeviceKind;
  /** The kind of back end, where a device may have one or another: by default that of the device. */
  readonly backEnd?: string;
  readonly id: number;
  /** The front end's nodes besides backend, backend-id and state. */
  readonly front: Readonly<Record<string, string>>;
  /** Nodes of the front end's directory that the guest may only read. */
  readonly frontReadOnly?: Readonly<Record<string, string>>;
  /** The back end's nodes besides frontend, frontend-id, online and state. */
  readonly back: Readonly<Record<string, string>>;
}

export function devicePaths(
  domid: number,
  kind: DeviceKind,
  id: number,
  backEnd: string = kind,
): DevicePaths {
  return {
    front: `/local/domain/${domid}/device/${kind}/${id}`,
    back: `/local/domain/0/backend/${backEnd}/${domid}/${id}`,
    libxl: `/libxl/${domid}/device/${kind}/${id}`,
  };
}

/** Writes what libxl__device_generic_add does, visible at once; both ends are then in state Initialising. */
export function addDevice(store: StoreClient, domid: number, device: DeviceNodes): DevicePaths {
  const paths = devicePaths(domid, device.kind, device.id, device.backEnd);
  const owner = (domid: number): Permission => ({ domid, access: "none" });
  const reader = (domid: number): Permission => ({ domid, access: "read" });
  const back = { ...device.back, "frontend-id": `${domid}`, online: "1", state: "1" };
  store.transaction((client) => {
    const makeDirectory = (path: string, permissions: readonly Permission[]) => {
      client.remove(path);
      client.write(path, "");
      client.setPermissions(path, permissions);
    };
    const writeAll = (path: string, nodes: Readonly<Record<string, string>>) => {
      for (const [name, value] of Object.entries(nodes)) client.write(`${path}/${name}`, value);
    };
    makeDirectory(paths.libxl, [owner(0)]);
    writeAll(paths.libxl, { frontend: paths.front, backend: paths.back, ...back });
    makeDirectory(paths.back, [owner(0), reader(domid)]);
    writeAll(paths.back, { frontend: paths.front, ...back });
    makeDirectory(paths.front, [owner(domid), reader(0)]);
    writeAll(paths.front, { backend: paths.back, "backend-id": "0", ...device.front, state: "1" });
    for (const [name, value] of Object.entries(device.frontReadOnly ?? {})) {
      client.write(`${paths.front}/${name}`, value);
      client.setPermissions(`${paths.front}/${name}`, [owner(0), reader(domid)]);
    }
  });
  return paths;
}

/** Undoes {@link addDevice}, with directories that only this device had filled. Nothing happens when it is gone. */
export function removeDevice(store: StoreClient, paths: DevicePaths): void {
  store.transaction((client) => {
    // Above the kind stand directories that exist without devices, except on the back end's side: there it is KIND/N.
    removeUpwards(client, paths.front, 1);
    removeUpwards(client, paths.back, 2);
    removeUpwards(client, paths.libxl, 1);
  });
}

/** Removes `path` and then up to `parents` directories above it as long as they are empty. */
function removeUpwards(client: StoreClient, path: string, parents: number): void {
  client.remove(path);
  let directory = path;
  for (let i = 0; i < parents; i++) {
    directory = directory.slice(0, directory.lastIndexOf("/"));
    if (client.list(directory).length > 0) return;
    client.remove(directory);
  }
}
