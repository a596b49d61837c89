import type { DeviceHost, XenDevices } from "./devices.ts";
import type { DomainFile } from "./files.ts";
import { FIRST_PORTS } from "./first-ports.ts";
import { refuseClassic } from "./refusals.ts";
import { enterStore, homeOf, leaveStore } from "./store-nodes.ts";

/**
 * Gives a domain that asked for it a fresh start in its memory, all but its devices, and leaves it paused.
 *
 * @throws PvhError HOST_UNSUPPORTED
 */
export async function softReset(
  { store, workers }: DeviceHost,
  devices: XenDevices,
  file: DomainFile,
): Promise<void> {
  refuseClassic(file, "reset", "its kernel would not find its way back");
  const { domid, uuid, config, storeGfn, consoleGfn } = file;
  const tty = (await store.read(`${homeOf(domid)}/console/tty`)) ?? "";
  await devices.removeAll();
  await store.release(domid);
  await leaveStore(store, domid, uuid);
  await workers.run("soft-reset", { domid, storeGfn, consoleGfn });
  await enterStore(store, uuid, config, {
    domid,
    store: { gfn: storeGfn, port: FIRST_PORTS.store },
    console: { gfn: consoleGfn, port: FIRST_PORTS.console },
  });
  // xenconsoled goes on with the terminal that it has, and does not say so again.
  await store.write(`${homeOf(domid)}/console/tty`, tty);
}
