import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernel } from "./debian-packages.ts";
import { guestInitramfs } from "./initramfs.ts";

/** Debian's cloud kernel as a guest named debian, which says from /init that it got there and powers off. */
export interface DebianGuest {
  /** Of the kernel. */
  release: string;
  /** Its config file; a host that is started afterwards sees it. */
  config: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `memory` in MiB. */
export async function debianGuest(settings: {
  cmdline: string;
  memory: number;
  vcpus: number;
}): Promise<DebianGuest> {
  const { release, vmlinuz } = await kernel("cloud");
  const folder = await mkdtemp(join(tmpdir(), "pvh-hosts-"));
  const ramdisk = join(folder, "initramfs");
  const config = join(folder, "debian.cfg");
  const keys = { name: "debian", type: "pvh", kernel: vmlinuz, ramdisk, ...settings };
  const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  await writeFile(ramdisk, await guestInitramfs());
  await writeFile(config, lines.join(""));
  return {
    release,
    config,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
