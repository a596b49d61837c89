import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { GuestConfig } from "@pvh/builder";
import { libxlConfig } from "./saved/libxl-config.ts";

/** Where libxl keeps what it wants to know of a domain later (XEN_LIB_DIR). */
const DIRECTORY = "/var/lib/xen";

const fileOf = (domid: number, uuid: string): string => `${DIRECTORY}/userdata-d.${domid}.${uuid}.libxl-json`;

/** By this `xl list -l`, `xl mem-set`, `xl block-attach` and `xl save` know the domain. */
export function writeUserData(domid: number, uuid: string, config: GuestConfig): void {
  if (!existsSync(DIRECTORY)) return;
  writeFileSync(fileOf(domid, uuid), JSON.stringify(libxlConfig(config, uuid)));
}

export function removeUserData(domid: number, uuid: string): void {
  rmSync(fileOf(domid, uuid), { force: true });
}
