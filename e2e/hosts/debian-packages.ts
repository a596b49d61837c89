import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * Contents of Debian packages without installing them: apt's own client downloads, `dpkg -x` unpacks below `.cache/`.
 * Works as an ordinary user and writes nothing outside `.cache/`; what is there already is not fetched again.
 *
 *     .cache/debian/<package>/            the unpacked package
 *     .cache/kernels/<flavour>/vmlinuz    link to the kernel, modules: link to its /lib/modules/<release>
 */

const run = promisify(execFile);
const cacheDir = fileURLToPath(new URL("../../.cache", import.meta.url));

const metaPackages = {
  /** Debian's general kernel: bzImage with an XZ payload, every module. */
  amd64: "linux-image-amd64",
  /** The same for cloud machines: bzImage with a legacy LZ4 payload, few modules (no 9p). */
  cloud: "linux-image-cloud-amd64",
  /** A later one, from Debian's security archive: its KVM has KVM_CAP_XEN_HVM. */
  "6.12": "linux-image-6.12-amd64",
} as const;

export type KernelFlavour = keyof typeof metaPackages;

export interface KernelFiles {
  /** What `uname -r` says: "6.1.0-56-amd64". */
  release: string;
  vmlinuz: string;
  /** The package's /lib/modules/<release>. */
  modulesDir: string;
}

/** The kernel of a flavour if it was fetched before; never touches the network. */
export async function cachedKernel(flavour: KernelFlavour): Promise<KernelFiles | undefined> {
  const dir = join(cacheDir, "kernels", flavour);
  const vmlinuz = join(dir, "vmlinuz");
  const modulesDir = join(dir, "modules");
  if (!existsSync(vmlinuz) || !existsSync(modulesDir)) return undefined;
  const release = (await readlink(modulesDir)).split("/").at(-1) ?? "";
  return { release, vmlinuz, modulesDir };
}

/** Fetches the kernel of a flavour when it is missing. Remove `.cache/kernels` to get a newer one. */
export async function kernel(flavour: KernelFlavour): Promise<KernelFiles> {
  const cached = await cachedKernel(flavour);
  if (cached !== undefined) return cached;

  const packageDir = await debianPackage(await versionedKernelPackage(metaPackages[flavour]));
  const [release] = await readdir(join(packageDir, "lib/modules"));
  if (release === undefined) throw new Error(`${packageDir} holds no kernel: its lib/modules is empty.`);

  const dir = join(cacheDir, "kernels", flavour);
  await mkdir(dir, { recursive: true });
  await link(join(packageDir, "lib/modules", release), join(dir, "modules"));
  await link(join(packageDir, "boot", `vmlinuz-${release}`), join(dir, "vmlinuz"));
  return { release, vmlinuz: join(dir, "vmlinuz"), modulesDir: join(dir, "modules") };
}

/** Directory with the contents of one package, e.g. `busybox-static`. */
export async function debianPackage(name: string): Promise<string> {
  const dir = join(cacheDir, "debian", name);
  if (existsSync(dir)) return dir;
  process.stderr.write(`fetching the Debian package ${name} into .cache/debian\n`);
  await mkdir(dirname(dir), { recursive: true });
  const work = await mkdtemp(join(cacheDir, "debian", ".fetch-"));
  try {
    await withPackageLists((options) => run("apt-get", ["-q", ...options, "download", name], { cwd: work }));
    const deb = (await readdir(work)).find((file) => file.endsWith(".deb"));
    if (deb === undefined) throw new Error(`apt-get downloaded no .deb file for ${name}.`);
    await run("dpkg", ["-x", join(work, deb), join(work, "contents")]);
    // One rename makes it visible: an interrupted or concurrent fetch leaves no half package.
    await rename(join(work, "contents"), dir).catch((error: unknown) => {
      if (!existsSync(dir)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return dir;
}

async function versionedKernelPackage(meta: string): Promise<string> {
  const { stdout } = await withPackageLists((options) => run("apt-cache", [...options, "depends", meta]));
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1];
  if (name === undefined)
    throw new Error(`apt-cache names no kernel image among the dependencies of ${meta}.`);
  return name;
}

/**
 * Runs an apt command with the machine's own package lists; when that fails (never updated, or so old that the
 * mirror has dropped the version), once more with fresh lists kept in `.cache/apt`.
 */
async function withPackageLists<T>(command: (options: string[]) => Promise<T>): Promise<T> {
  // Without this, root's apt drops to the user _apt, who cannot write into our directory, and warns.
  const sandbox = ["-o", `APT::Sandbox::User=${process.getuid?.() === 0 ? "root" : ""}`];
  try {
    return await command(sandbox);
  } catch (error) {
    if (isMissingProgram(error)) {
      throw new Error(
        "Debian packages are fetched with apt-get and dpkg, which this machine lacks: use Debian 12.",
        {
          cause: error,
        },
      );
    }
  }
  const lists = join(cacheDir, "apt/lists");
  const cache = join(cacheDir, "apt/cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives/partial"), { recursive: true });
  const options = [...sandbox, "-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
  try {
    await run("apt-get", ["-q", ...options, "-o", "APT::Update::Error-Mode=any", "update"]);
    return await command(options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.split("\n").find((line) => line.startsWith("E: ")) ?? message;
    throw new Error(`apt could not provide a Debian package (offline, or not Debian 12?): ${reason}`, {
      cause: error,
    });
  }
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** A relative symbolic link, so that a moved checkout keeps working; replaces an older one. */
async function link(target: string, path: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await symlink(relative(dirname(path), target), temporary);
  await rename(temporary, path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] !== "kernels") {
    process.stderr.write("usage: npm run kernels\n");
    process.exitCode = 2;
  } else {
    try {
      for (const flavour of ["amd64", "cloud", "6.12"] as const) {
        const { release, vmlinuz } = await kernel(flavour);
        process.stdout.write(`${flavour}  ${release}  ${relative(process.cwd(), vmlinuz)}\n`);
      }
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}
