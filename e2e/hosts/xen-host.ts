import { existsSync } from "node:fs";
import { readFile, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { debianPackage, type KernelFiles, kernel } from "./debian-packages.ts";
import { type EmulatedHost, startEmulatedHost } from "./emulated-host.ts";
import { type HostOptions, missingForHost, script } from "./host-description.ts";

/** An emulated host on which Xen runs; {@link EmulatedHost.run} runs commands in its domain 0. */
export type XenHost = EmulatedHost;

/** One virtual CPU and 6144 MiB, unless told. */
export interface XenHostOptions extends HostOptions {
  /** MiB of `memory` that domain 0 gets. Default 2560. */
  dom0Memory?: number;
  /** A hypervisor's image, as ELF file or in gzip. Its own version's xen-utils have to be installed. Default: Debian's. */
  hypervisor?: string;
}

const version = "4.17";
const tools = [
  { program: `/usr/lib/xen-${version}/bin/xl`, debianPackage: `xen-utils-${version}` },
  { program: "/usr/lib/xen-common/bin/xen-dir", debianPackage: "xen-utils-common" },
];

/**
 * With SMAP and its like a PV domain 0 dies in early boot, and RDTSCP breaks the SVM emulation. With XSAVE, programs of
 * domain 0 lose their SSE registers about once in a thousand switches between it and a guest; Xen does without.
 */
const cpuModel = "max,-la57,-smap,-smep,-pku,-umip,-rdtscp,-xsave,-avx,-avx2,-fma,-f16c";
const dom0CommandLine = "console=hvc0 panic=-1 nokaslr nowatchdog loglevel=5";
const modules = [
  ...["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs"],
  ...["xen-netback", "xen-blkback"],
];

/** What keeps this machine from running the host, as a sentence that says what to do; undefined when nothing does. */
export function missingForXenHost(): Promise<string | undefined> {
  return missingForHost(tools, async () => {
    await debianHypervisor();
    for (const flavour of ["amd64", "cloud"] as const) await kernel(flavour);
  });
}

/** Boots the host, about 15 s. Its QEMU ends with {@link XenHost.stop} and, whatever happens, with this process. */
export async function startXenHost(options: XenHostOptions = {}): Promise<XenHost> {
  const { name = "xen host", flavour = "amd64", memory = 6144, cpus = 1, bootTimeoutMs } = options;
  const { dom0Memory = 2560, hypervisor = await debianHypervisor() } = options;
  const xenCommandLine = [
    `dom0_mem=${dom0Memory}M,max:${dom0Memory}M dom0_max_vcpus=${cpus}`,
    "console=com1 loglvl=warning guest_loglvl=all",
  ].join(" ");
  return startEmulatedHost({
    ...{ name, flavour, memory, cpus, bootTimeoutMs, cpuModel, modules },
    services: await script("xen-services.sh"),
    async boot(dir, files) {
      const image = await readFile(hypervisor);
      const isGzip = image.readUInt16BE(0) === 0x1f8b;
      await writeFile(join(dir, "xen"), isGzip ? gunzipSync(image) : image);
      // Under a name that needs no quoting in what QEMU takes for a list of modules with their arguments.
      await symlink(await unpackedKernel(files), join(dir, "vmlinux"));
      const dom0 = `vmlinux ${dom0CommandLine},initramfs`;
      return ["-kernel", "xen", "-append", xenCommandLine, "-initrd", dom0];
    },
  });
}

async function debianHypervisor(): Promise<string> {
  return join(await debianPackage(`xen-hypervisor-${version}-amd64`), "boot", `xen-${version}-amd64.gz`);
}

/** The kernel as ELF file, kept beside it: Xen would take four seconds to unpack it on an emulated CPU. */
async function unpackedKernel({ vmlinuz }: KernelFiles): Promise<string> {
  const unpacked = join(dirname(vmlinuz), "vmlinux");
  if (existsSync(unpacked)) return unpacked;
  // Once only, so that a host depends on nothing that is tested on it.
  const { unpackKernel } = await import("@pvh/builder");
  const temporary = `${unpacked}.${process.pid}`;
  await writeFile(temporary, unpackKernel(await readFile(vmlinuz)).elf);
  await rename(temporary, unpacked);
  return unpacked;
}
