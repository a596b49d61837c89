import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernel } from "../hosts/debian-packages.ts";
import { initramfs } from "../hosts/initramfs.ts";

/**
 * Debian's cloud kernel as a guest that counts on its console once a second, with a check sum of what it keeps in memory, and
 * says whether the host's bridge answers. It writes its count to the disk xvda, when it has one.
 */
export interface CountingGuest {
  /** Folder of its config file and what that names; a host that is started afterwards sees it. */
  folder: string;
  config: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The file is made at the start alone: its sum stays the same as long as the guest's memory does. */
const init = `#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs run /run
for module in $(busybox cat /modules/order); do busybox insmod /modules/$module.ko; done
busybox dd if=/dev/urandom of=/run/kept bs=1M count=8 2> /dev/null
busybox ifconfig eth0 10.77.0.2 up 2> /dev/null
count=0
while true; do
  set -- $(busybox md5sum /run/kept)
  network=silent
  busybox ping -c 1 -W 1 10.77.0.1 > /dev/null 2>&1 && network=answers
  echo "count $count of $1, network $network"
  [ -b /dev/xvda ] && echo "count $count" | busybox dd of=/dev/xvda bs=512 conv=sync,fsync 2> /dev/null
  count=$((count + 1))
  busybox sleep 1
done
`;

export async function countingGuest(
  name: string,
  settings: { uuid: string; memory: number; vcpus: number },
): Promise<CountingGuest> {
  const { vmlinuz, modulesDir } = await kernel("cloud");
  const folder = await mkdtemp(join(tmpdir(), "pvh-counting-"));
  const ramdisk = join(folder, "initramfs");
  const config = join(folder, `${name}.cfg`);
  const keys = { name, type: "pvh", kernel: vmlinuz, ramdisk, cmdline: "console=hvc0 quiet", ...settings };
  const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  const modules = { dir: modulesDir, names: ["xen-blkfront", "xen-netfront"] };
  await writeFile(ramdisk, await initramfs({ init, modules }));
  await writeFile(config, lines.join(""));
  return { folder, config, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
