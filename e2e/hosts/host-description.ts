import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { KernelFiles, KernelFlavour } from "./debian-packages.ts";
import { qemu } from "./emulated-machine.ts";
import { initramfs } from "./initramfs.ts";

/** What whoever starts an emulated host may choose. */
export interface HostOptions {
  /** Stands before what is told on standard error. */
  name?: string;
  /** MiB. */
  memory?: number;
  /** Its kernel. Default amd64. */
  flavour?: KernelFlavour;
  /** Virtual CPUs. */
  cpus?: number;
  /** Until the agent answers. Default three minutes. */
  bootTimeoutMs?: number;
}

/** What makes a host the kind that it is. */
export interface HostDescription extends Required<Omit<HostOptions, "bootTimeoutMs">> {
  bootTimeoutMs: number | undefined;
  cpuModel: string;
  /** Beside those that every host has. */
  modules: readonly string[];
  /** Shell script that runs before the agent answers. */
  services: string;
  /** QEMU's arguments that say what it loads. It runs in `dir`, where the file `initramfs` is. */
  boot(dir: string, kernel: KernelFiles): Promise<string[]>;
}

const commonModules = [
  ...["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"],
  // What disks and networks of guests are made of.
  ...["loop", "tun", "bridge"],
];

export async function hostInitramfs(modulesDir: string, description: HostDescription): Promise<Uint8Array> {
  return initramfs({
    init: await script("host-init.sh"),
    files: { "agent.sh": await script("agent.sh"), "services.sh": description.services },
    modules: { dir: modulesDir, names: [...commonModules, ...description.modules] },
  });
}

/** A shell script of this folder. */
export function script(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), "utf8");
}

/** Something that a host runs and this machine has to have. */
export interface Requirement {
  /** In PATH, or an absolute path. */
  program: string;
  debianPackage: string;
}

/** What keeps this machine from running a host, as a sentence that says what to do; undefined when nothing does. */
export async function missingForHost(
  requirements: readonly Requirement[],
  fetchFiles: () => Promise<void>,
): Promise<string | undefined> {
  const qemuItself = { program: qemu, debianPackage: "qemu-system-x86" };
  const missing = [qemuItself, ...requirements].filter(({ program }) => !isInstalled(program));
  if (missing.length > 0) {
    const programs = missing.map(({ program }) => program).join(" and ");
    const packages = missing.map(({ debianPackage }) => debianPackage).join(" ");
    return `${programs} ${missing.length > 1 ? "are" : "is"} not installed: apt-get install ${packages}`;
  }
  try {
    await fetchFiles();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

function isInstalled(program: string): boolean {
  const folders = process.env.PATH?.split(":") ?? [];
  return isAbsolute(program) ? existsSync(program) : folders.some((dir) => existsSync(join(dir, program)));
}
