import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernel } from "../hosts/debian-packages.ts";
import { initramfs } from "../hosts/initramfs.ts";

/** Debian's cloud kernel as a guest with the drivers of Xen's disks and networks, whose /init is a script. */
export interface LinuxGuest {
  /** Folder of its config file and what that names; a host that is started afterwards sees it. */
  folder: string;
  config: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LinuxGuestOptions {
  /** What its /init does when devices and modules are there; `busybox` is the program. */
  script: string;
  /** Of its config file. */
  settings: Record<string, string | number>;
}

const init = `#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs run /run
for module in $(busybox cat /modules/order); do busybox insmod /modules/$module.ko; done
`;

export async function linuxGuest(name: string, { script, settings }: LinuxGuestOptions): Promise<LinuxGuest> {
  const { vmlinuz, modulesDir } = await kernel("cloud");
  const folder = await mkdtemp(join(tmpdir(), "pvh-linux-"));
  const ramdisk = join(folder, "initramfs");
  const config = join(folder, `${name}.cfg`);
  const keys = { name, type: "pvh", kernel: vmlinuz, ramdisk, cmdline: "console=hvc0 quiet", ...settings };
  const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  const modules = { dir: modulesDir, names: ["xen-blkfront", "xen-netfront"] };
  // The kernel runs it when the toolstack asks for power-off.
  const files = { "sbin/poweroff": "#!/bin/busybox sh\nexec /bin/busybox poweroff -f\n" };
  await writeFile(ramdisk, await initramfs({ init: init + script, files, modules }));
  await writeFile(config, lines.join(""));
  return { folder, config, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
