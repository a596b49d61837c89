import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { GuestConfig } from "@pvh/builder";

/** Where libxl keeps what it wants to know of a domain later (XEN_LIB_DIR). */
const DIRECTORY = "/var/lib/xen";
const KIB_PER_MIB = 1024;

const fileOf = (domid: number, uuid: string): string => `${DIRECTORY}/userdata-d.${domid}.${uuid}.libxl-json`;

/** The least by which `xl list -l`, `xl mem-set` and `xl block-attach` know the domain. */
export function writeUserData(domid: number, uuid: string, config: GuestConfig): void {
  if (!existsSync(DIRECTORY)) return;
  const { name, memory, maxmem = memory, vcpus, maxvcpus = vcpus, kernel, ramdisk, cmdline } = config;
  const document = {
    c_info: { type: "pvh", name, uuid },
    b_info: {
      max_vcpus: maxvcpus,
      avail_vcpus: Array.from({ length: vcpus }, (_, i) => i),
      max_memkb: maxmem * KIB_PER_MIB,
      target_memkb: memory * KIB_PER_MIB,
      shadow_memkb: 4 * (256 * maxvcpus + maxmem),
      kernel,
      ...(ramdisk === undefined ? {} : { ramdisk }),
      ...(cmdline === undefined ? {} : { cmdline }),
      "type.pvh": {},
    },
  };
  writeFileSync(fileOf(domid, uuid), JSON.stringify(document));
}

export function removeUserData(domid: number, uuid: string): void {
  rmSync(fileOf(domid, uuid), { force: true });
}
