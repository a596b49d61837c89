import { realpath, stat } from "node:fs/promises";
import { PvhError } from "@pvh/errors";
import type { XenStore } from "@pvh/xenctl-ffi";
import { homeOf } from "./store-nodes.ts";

const BACK_ENDS = `${homeOf(0)}/backend/vbd`;

/**
 * Refuses a disk that some domain writes to, or one to write to that some domain has: two file systems on one disk
 * destroy each other. The disks of all domains count, whoever has made them.
 *
 * @throws PvhError DISK_IN_USE
 */
export async function refuseSharedDisk(
  store: XenStore,
  target: string,
  readonly: boolean,
  domid: number,
): Promise<void> {
  const wanted = await identity(target);
  for (const other of await store.list(BACK_ENDS)) {
    for (const id of await store.list(`${BACK_ENDS}/${other}`)) {
      const node = (name: string) => store.read(`${BACK_ENDS}/${other}/${id}/${name}`);
      const [params = "", mode = "w", dev = ""] = await Promise.all(["params", "mode", "dev"].map(node));
      if (readonly && mode.startsWith("r")) continue;
      // xl's params may begin with the format.
      if ((await identity(params.replace(/^[a-z0-9]+:(?=\/)/, ""))) !== wanted) continue;
      const name = (await store.read(`${homeOf(Number(other))}/name`)) ?? "?";
      const whose = Number(other) === domid ? "this domain" : `domain ${other} (${name})`;
      throw new PvhError(
        "DISK_IN_USE",
        `disk: ${target} is ${dev} of ${whose}; a disk that is written to cannot be shared, so end that domain, or use a copy.`,
        { field: "disk", found: `${dev} of ${name}` },
      );
    }
  }
}

/** Tells files and devices apart whatever path leads there. */
async function identity(path: string): Promise<string> {
  try {
    const { dev, ino, rdev, isBlockDevice } = await stat(await realpath(path)).then((found) => ({
      dev: found.dev,
      ino: found.ino,
      rdev: found.rdev,
      isBlockDevice: found.isBlockDevice(),
    }));
    return isBlockDevice ? `device ${rdev}` : `file ${dev} ${ino}`;
  } catch {
    return `path ${path}`;
  }
}
