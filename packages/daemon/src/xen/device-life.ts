import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { PvhError } from "@pvh/errors";
import type { XenStore } from "@pvh/xenctl-ffi";
import { type DevicePaths, removeDevice, startRemoval, waitForBackEnd } from "./device-nodes.ts";
import { XENBUS } from "./xenbus.ts";

/** What xl waits for a back end, and for a front end to let go. */
const BACK_END_MS = 10_000;

/**
 * Takes a device away: asks both ends to let go of it; by force, without the guest.
 *
 * @param released what else the back end does before it has nothing to do with the device's nodes any more
 * @throws PvhError DOMAIN_STATE when the guest does not, unless by force
 */
export async function endDevice(
  store: XenStore,
  paths: DevicePaths,
  force: boolean,
  released: () => Promise<void> = async () => {},
): Promise<void> {
  await startRemoval(store, paths, force);
  const gone = await waitForBackEnd(store, paths, [XENBUS.closed, XENBUS.unknown], BACK_END_MS);
  if (gone === undefined && !force) {
    throw new PvhError(
      "DOMAIN_STATE",
      `The guest has not let go of the device within ${BACK_END_MS / 1000} s; detach it by force, if that may cost data.`,
      { field: paths.front, found: "still in use" },
    );
  }
  await released();
  await removeDevice(store, paths);
}

/** What fails takes the device of the host's kernel away again, and names what the back end said. */
export async function untilReady(
  store: XenStore,
  paths: DevicePaths,
  finish: () => Promise<void>,
): Promise<void> {
  try {
    const wanted = [XENBUS.initWait, XENBUS.initialised, XENBUS.connected];
    const state = await waitForBackEnd(store, paths, wanted, BACK_END_MS);
    if (state === undefined) throw await backEndFailed(store, paths, "does not answer");
    await finish();
  } catch (error) {
    await endDevice(store, paths, true).catch(() => {});
    throw error;
  }
}

/** Back ends do some of their work a while after they were told to. */
export async function untilExists(
  store: XenStore,
  path: string,
  what: string,
  paths: DevicePaths,
): Promise<void> {
  for (const deadline = performance.now() + BACK_END_MS; !existsSync(path); ) {
    const state = Number(await store.read(`${paths.back}/state`));
    if (state >= XENBUS.closing || performance.now() > deadline) {
      throw await backEndFailed(store, paths, what);
    }
    await sleep(5);
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
