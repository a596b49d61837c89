import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface KernelModule {
  /** As the kernel names it, with underscores: "kvm_amd". */
  name: string;
  /** The module's ELF file, unpacked. */
  data: Uint8Array;
}

/**
 * The modules and everything they depend on, in the order in which insmod takes them.
 *
 * A Debian package carries no modules.dep (depmod makes it when installing), so dependencies come from the modules'
 * own `depends=` entries.
 */
export async function modulesInOrder(modulesDir: string, wanted: readonly string[]): Promise<KernelModule[]> {
  const files = await moduleFiles(modulesDir);
  const builtin = new Set(
    (await readFile(join(modulesDir, "modules.builtin"), "utf8")).split("\n").map(moduleName),
  );
  const ordered = new Map<string, KernelModule>();

  async function add(name: string, neededBy: string): Promise<void> {
    if (ordered.has(name) || builtin.has(name)) return;
    const file = files.get(name);
    if (file === undefined)
      throw new Error(`Kernel module ${name} (for ${neededBy}) is not in ${modulesDir}.`);
    const data = await readModule(file);
    for (const dependency of moduleDependencies(data)) await add(dependency, name);
    ordered.set(name, { name, data });
  }

  for (const name of wanted) await add(moduleName(name), "this initramfs");
  return [...ordered.values()];
}

/** Names in the `depends=` entry of a module's .modinfo section, which is a run of NUL-terminated strings. */
export function moduleDependencies(module: Uint8Array): string[] {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const at = bytes.indexOf("\0depends=", 0, "latin1");
  if (at < 0) return [];
  const start = at + "\0depends=".length;
  const text = bytes.toString("latin1", start, bytes.indexOf(0, start));
  return text.split(",").filter(Boolean).map(moduleName);
}

function moduleName(path: string): string {
  const file = path.split("/").at(-1) ?? "";
  return file.replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
}

async function moduleFiles(modulesDir: string): Promise<Map<string, string>> {
  const entries = await readdir(join(modulesDir, "kernel"), { recursive: true });
  const files = entries.filter((path) => /\.ko(\.\w+)?$/.test(path));
  return new Map(files.map((path) => [moduleName(path), join(modulesDir, "kernel", path)]));
}

/** Debian 12 ships plain .ko files, later releases .ko.xz. */
async function readModule(file: string): Promise<Uint8Array> {
  const tool = file.endsWith(".xz") ? "xz" : file.endsWith(".zst") ? "zstd" : undefined;
  if (tool === undefined) return readFile(file);
  const { stdout } = await promisify(execFile)(tool, ["-dc", file], {
    encoding: "buffer",
    maxBuffer: 64 << 20,
  });
  return stdout;
}
