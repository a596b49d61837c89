import { resolve } from "node:path";
import { parseDisk, parseVif } from "@pvh/builder";
import { type Device, PvhClient } from "@pvh/client";
import { type OutputOptions, print, printJson, table } from "../output.ts";

/** @param words parts of one disk's text, as xl takes them */
export async function blockAttach(
  socket: string | undefined,
  id: string,
  words: string[],
  { output }: OutputOptions,
): Promise<void> {
  const disk = parseDisk(words.join(","));
  tell(await new PvhClient(socket).attachDisk(id, { ...disk, target: resolve(disk.target) }), output);
}

export async function blockDetach(
  socket: string | undefined,
  id: string,
  vdev: string,
  { force }: { force?: boolean },
): Promise<void> {
  await new PvhClient(socket).detachDisk(id, vdev, force);
}

export async function blockList(
  socket: string | undefined,
  id: string,
  { output }: OutputOptions,
): Promise<void> {
  const disks = await devices(socket, id, "vbd");
  if (output === "json") printJson(disks);
  else print(table(["Vdev", "Id", "Access", "State", "Target"], disks.map(diskRow)));
}

/** @param words options of one interface, as xl takes them */
export async function networkAttach(
  socket: string | undefined,
  id: string,
  words: string[],
  { output }: OutputOptions,
): Promise<void> {
  tell(await new PvhClient(socket).attachVif(id, parseVif(words.join(","))), output);
}

/** @param vif devid or MAC address */
export async function networkDetach(
  socket: string | undefined,
  id: string,
  vif: string,
  { force }: { force?: boolean },
): Promise<void> {
  await new PvhClient(socket).detachVif(id, vif, force);
}

export async function networkList(
  socket: string | undefined,
  id: string,
  { output }: OutputOptions,
): Promise<void> {
  const vifs = await devices(socket, id, "vif");
  if (output === "json") printJson(vifs);
  else print(table(["Id", "MAC", "Name", "Bridge", "State"], vifs.map(vifRow)));
}

async function devices(socket: string | undefined, id: string, kind: Device["kind"]): Promise<Device[]> {
  const all = await new PvhClient(socket).listDevices(id);
  return all.filter((device) => device.kind === kind);
}

function diskRow({ name, id, readonly, state, target = "-" }: Device): string[] {
  return [name, String(id), readonly === true ? "r" : "w", state, target];
}

function vifRow({ id, mac = "-", name, bridge = "-", state }: Device): string[] {
  return [String(id), mac, name, bridge, state];
}

function tell(device: Device, output: OutputOptions["output"]): void {
  if (output === "json") printJson(device);
  else print(`${device.name} is ${device.state}${device.mac === undefined ? "" : `, mac ${device.mac}`}`);
}
