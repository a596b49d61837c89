import { realpath, stat } from "node:fs/promises";
import { PvhError } from "@pvh/errors";
import { textOfUtf8, type XenStore } from "@pvh/xenctl-ffi";
import { imageOf } from "./disk-nodes.ts";
import { homeOf } from "./store-nodes.ts";

/** Of disks: the kernel's, and QEMU's. */
const BACK_ENDS = ["vbd", "qdisk"].map((kind) => `${homeOf(0)}/backend/${kind}`);

/**
 * Refuses a disk that some domain writes to, or one to write to that some domain has: two file systems on one disk
 * destroy each other. The disks of all domains count, whoever has made them.
 *
 * @param letGo domains that do not use theirs any more
 * @throws PvhError DISK_IN_USE
 */
export async function refuseSharedDisk(
  store: XenStore,
  target: string,
  readonly: boolean,
  domid: number,
  letGo: readonly number[] = [],
): Promise<void> {
  const wanted = await identity(target);
  for (const [backEnds, other] of await owners(store)) {
    if (letGo.includes(Number(other))) continue;
    for (const id of await store.list(`${backEnds}/${other}`)) {
      const node = (name: string) => store.read(`${backEnds}/${other}/${id}/${name}`);
      const [params = "", mode = "w", dev = ""] = await Promise.all(["params", "mode", "dev"].map(node));
      if (readonly && mode.startsWith("r")) continue;
      if ((await identity(imageOf(textOfUtf8(params)).target)) !== wanted) continue;
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

/** Domains that have disks, by their back ends. */
async function owners(store: XenStore): Promise<[backEnds: string, domid: string][]> {
  const lists = await Promise.all(
    BACK_ENDS.map(async (path) => (await store.list(path)).map((domid): [string, string] => [path, domid])),
  );
  return lists.flat();
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
