import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { PvhError } from "@pvh/errors";
import type { XenStore } from "@pvh/xenctl-ffi";
import { homeOf } from "./store-nodes.ts";

/** How long a back end gets to do what a guest asked for before it suspended. */
const PATIENCE_MS = 30_000;

/**
 * Waits until nothing is under way to the disks that a suspended domain writes to. Its guest asks again, where it goes on,
 * for what it has had no answer to: a write of before must not come after that.
 *
 * @param sys where the host's kernel shows its devices
 * @throws PvhError XEN_DEVICE
 */
export async function untilDisksRest(
  store: XenStore,
  domid: number,
  { sys = "/sys", patienceMs = PATIENCE_MS } = {},
): Promise<void> {
  const backEnds = `${homeOf(0)}/backend/vbd/${domid}`;
  const deadline = performance.now() + patienceMs;
  for (const id of await store.list(backEnds)) {
    const nodes = ["mode", "physical-device", "dev"].map((node) => store.read(`${backEnds}/${id}/${node}`));
    const [mode = "w", device = "", vdev = ""] = await Promise.all(nodes);
    if (mode.startsWith("r")) continue;
    const file = `${sys}/dev/block/${decimal(device)}/inflight`;
    while ((await underWay(file)) > 0) {
      if (performance.now() > deadline) throw busy(vdev, patienceMs);
      await sleep(5);
    }
  }
}

/** `7:1f`, as the store has it, in the kernel's notation. */
function decimal(device: string): string {
  return device
    .split(":")
    .map((number) => Number.parseInt(number, 16))
    .join(":");
}

/** Reads and writes; none of a device that is not there. */
async function underWay(file: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .trim()
    .split(/\s+/)
    .reduce((sum, count) => sum + Number(count), 0);
}

function busy(vdev: string, ms: number): PvhError {
  return new PvhError(
    "XEN_DEVICE",
    `The host has not done all that the guest asked of its disk ${vdev} within ${ms / 1000} s; see what the host's kernel says (dmesg).`,
    { field: "disk", found: vdev },
  );
}
