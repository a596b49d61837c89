import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type CpioEntry, cpio } from "./cpio.ts";
import { debianPackage } from "./debian-packages.ts";
import { modulesInOrder } from "./kernel-modules.ts";

/** Where the initramfs of a host keeps its modules; `order` lists them as insmod has to take them. */
const moduleDir = "modules";

export interface InitramfsOptions {
  /** Shell script for /init; its interpreter is `/bin/busybox sh`. */
  init: string;
  /** More files, by path relative to the root. */
  files?: Record<string, string>;
  modules?: { dir: string; names: readonly string[] };
}

/** A gzip-wrapped initramfs of a static busybox, an /init, and the modules in /modules. */
export async function initramfs(options: InitramfsOptions): Promise<Uint8Array> {
  const entries: CpioEntry[] = [
    ...["bin", "sbin", "dev", "proc", "sys", "run", moduleDir].map((path) => ({
      path,
      kind: "dir" as const,
    })),
    // Without it the kernel opens no standard streams for /init.
    { path: "dev/console", kind: "char", major: 5, minor: 1, mode: 0o600 },
    { path: "bin/busybox", kind: "file", data: await staticBusybox(), mode: 0o755 },
    { path: "init", kind: "file", data: options.init, mode: 0o755 },
  ];
  for (const [path, data] of Object.entries(options.files ?? {})) {
    entries.push({ path, kind: "file", data, mode: 0o755 });
  }
  if (options.modules !== undefined) {
    const modules = await modulesInOrder(options.modules.dir, options.modules.names);
    for (const { name, data } of modules)
      entries.push({ path: `${moduleDir}/${name}.ko`, kind: "file", data });
    const order = modules.map(({ name }) => `${name}\n`).join("");
    entries.push({ path: `${moduleDir}/order`, kind: "file", data: order });
  }
  return gzipSync(cpio(entries), { level: 1 });
}

/** The line that tells that a guest came through its whole boot; the kernel's release follows. */
export const guestReachedInit = "PVH GUEST /init reached: ";

/** For a guest: says from /init that it got there, and powers off. */
export function guestInitramfs(): Promise<Uint8Array> {
  return initramfs({
    init: `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "${guestReachedInit}$(/bin/busybox uname -r)"
echo "command line: $(/bin/busybox cat /proc/cmdline)"
exec /bin/busybox poweroff -f
`,
  });
}

async function staticBusybox(): Promise<Uint8Array> {
  for (const path of ["/bin/busybox", "/usr/bin/busybox"]) {
    if (!existsSync(path)) continue;
    const data = await readFile(path);
    if (isStatic(data)) return data;
  }
  return readFile(join(await debianPackage("busybox-static"), "bin/busybox"));
}

/** Whether an ELF64 file has no PT_INTERP, so needs no loader that an initramfs lacks. */
function isStatic(elf: Buffer): boolean {
  const phoff = Number(elf.readBigUInt64LE(0x20));
  const count = elf.readUInt16LE(0x38);
  for (let index = 0; index < count; index++) {
    if (elf.readUInt32LE(phoff + index * 56) === 3) return false;
  }
  return true;
}
