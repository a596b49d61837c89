/**
 * Builds the test guests with the C compiler, `as` and `ld` of the machine. Objects are kept under a name that is the
 * hash of everything they depend on, so a second build only looks. `npm run guests` builds all of them.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type Guest, guests } from "./guests.ts";
import { ramdiskBytes } from "./payload.ts";

const run = promisify(execFile);
const here = import.meta.dirname;
const buildDirectory = path.join(here, "build");
const objectDirectory = path.join(buildDirectory, "objects");
const headerDirectories = ["lib", "classic-entry", "direct-entry", "small", "property", "linux-boot"];

const compiler = process.env.CC ?? "cc";
const linker = process.env.LD ?? "ld";

/** The ramdisk that the entry guests' configs name. */
export const ramdiskPath = path.join(buildDirectory, "ramdisk.img");

const commonFlags = [
  "-std=gnu17",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Wno-array-bounds",
  "-ffreestanding",
  "-nostdlib",
  "-fno-pic",
  "-fno-pie",
  "-fno-common",
  "-fno-stack-protector",
  "-fno-strict-aliasing",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
  "-mgeneral-regs-only",
  "-Ilib",
];
const flagsByBits = {
  32: ["-m32", "-march=i686"],
  64: ["-m64", "-mcmodel=kernel", "-mno-red-zone"],
};
const linkerMode = { 32: "elf_i386", 64: "elf_x86_64" };

function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex").slice(0, 32);
}

async function tool(command: string, args: string[]): Promise<string> {
  try {
    const { stdout } = await run(command, args, { cwd: here });
    return stdout;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      throw new Error(`The test guests need a C compiler with binutils, but there is no \`${command}\`.`, {
        cause,
      });
    }
    const output = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
    throw new Error(`Building the test guests failed in \`${command}\`:\n${output}`, { cause });
  }
}

/** Header texts count for every object: they are few, and a rebuild takes seconds. */
async function environmentDigest(): Promise<string> {
  const parts = [
    await tool(compiler, ["--version"]),
    await tool(linker, ["--version"]),
    commonFlags.join(" "),
  ];
  for (const directory of headerDirectories) {
    for (const file of (await readdir(path.join(here, directory))).sort()) {
      if (/\.(h|inc)$|^notes-.*\.S$/.test(file))
        parts.push(file, await readFile(path.join(here, directory, file), "utf8"));
    }
  }
  return digest(...parts);
}

/** Two builds at a time must not see each other's half-written files. */
async function writeAtomically(file: string, write: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

class Builder {
  readonly #environment: string;
  readonly #objects = new Map<string, Promise<string>>();
  readonly #waiting: (() => void)[] = [];
  #free = availableParallelism();
  built = 0;

  constructor(environment: string) {
    this.#environment = environment;
  }

  async guest(guest: Guest): Promise<string> {
    const output = path.join(buildDirectory, `${guest.name}.elf`);
    const objects = await Promise.all(guest.sources.map((source) => this.#object(guest, source)));
    const key = digest(await readFile(path.join(here, guest.linkerScript)), ...objects);
    const keyFile = path.join(objectDirectory, `${guest.name}.key`);
    const unchanged = existsSync(output) && existsSync(keyFile) && (await readFile(keyFile, "utf8")) === key;
    if (unchanged) return output;
    this.built++;
    const args = ["-m", linkerMode[guest.bits], "-static", "--build-id=none", "-z", "noexecstack"];
    args.push("-z", "max-page-size=4096", "--no-warn-rwx-segments", "-T", guest.linkerScript);
    await this.#limited(() =>
      writeAtomically(output, (file) => tool(linker, [...args, "-o", file, ...objects])),
    );
    await writeAtomically(keyFile, (file) => writeFile(file, key));
    return output;
  }

  /** Guests share most of their objects, so each is compiled once however many ask for it. */
  async #object(guest: Guest, source: string): Promise<string> {
    const flags = [...commonFlags, ...flagsByBits[guest.bits]];
    const text = await readFile(path.join(here, source));
    const object = path.join(
      objectDirectory,
      `${digest(this.#environment, flags.join(" "), source, text)}.o`,
    );
    let compiled = this.#objects.get(object);
    if (compiled === undefined) {
      compiled = this.#compile(source, object, flags);
      this.#objects.set(object, compiled);
    }
    return compiled;
  }

  async #compile(source: string, object: string, flags: string[]): Promise<string> {
    if (existsSync(object)) return object;
    this.built++;
    await this.#limited(() =>
      writeAtomically(object, (file) => tool(compiler, [...flags, "-c", source, "-o", file])),
    );
    return object;
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free--;
    try {
      return await work();
    } finally {
      this.#free++;
      this.#waiting.shift()?.();
    }
  }
}

/**
 * Builds what is not built yet. Returns the absolute path of each guest's ELF file by name. An emulated host says with
 * PVH_GUESTS=built that all are there: even looking would take seconds.
 */
export async function buildGuests(): Promise<Record<string, string>> {
  if (process.env.PVH_GUESTS !== "built") return (await build()).paths;
  return Object.fromEntries(guests.map(({ name }) => [name, path.join(buildDirectory, `${name}.elf`)]));
}

async function build(): Promise<{ paths: Record<string, string>; built: number }> {
  await mkdir(objectDirectory, { recursive: true });
  const builder = new Builder(await environmentDigest());
  const paths = await Promise.all(
    guests.map(async (guest) => [guest.name, await builder.guest(guest)] as const),
  );
  await writeRamdisk();
  return { paths: Object.fromEntries(paths), built: builder.built };
}

async function writeRamdisk(): Promise<void> {
  const bytes = ramdiskBytes();
  if (existsSync(ramdiskPath) && (await readFile(ramdiskPath)).equals(bytes)) return;
  await writeAtomically(ramdiskPath, (file) => writeFile(file, bytes));
}

if (import.meta.main) {
  const start = performance.now();
  const { paths, built } = await build();
  const count = Object.keys(paths).length;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${count} test guests in ${path.relative(".", buildDirectory)} (${built} steps, ${seconds} s)`);
}
