import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuestConfig } from "@pvh/builder";
import { libxlConfig } from "./saved/libxl-config.ts";

/** Where libxl keeps what it wants to know of a domain later (XEN_LIB_DIR). */
const DIRECTORY = "/var/lib/xen";

const nameOf = (domid: number, uuid: string): string => `userdata-d.${domid}.${uuid}.libxl-json`;

/** By this `xl list -l`, `xl mem-set`, `xl block-attach` and `xl save` know the domain. */
export function writeUserData(domid: number, uuid: string, config: GuestConfig, directory = DIRECTORY): void {
  if (!existsSync(directory)) return;
  writeFileSync(join(directory, nameOf(domid, uuid)), JSON.stringify(libxlConfig(config, { uuid })));
}

export function removeUserData(domid: number, uuid: string, directory = DIRECTORY): void {
  rmSync(join(directory, nameOf(domid, uuid)), { force: true });
}
