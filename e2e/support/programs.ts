import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { patience } from "./patience.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const programs = {
  pvhctl: join(root, "apps/cli/bin/pvhctl"),
  pvhd: join(root, "packages/daemon/bin/pvhd"),
};

export interface Finished {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface PvhctlOptions {
  /** pvhd's socket. */
  socket?: string;
  /** Folder for its temporary files; default: the machine's. */
  tmp?: string;
  cwd?: string;
  timeoutMs?: number;
}

/** Runs the built pvhctl to its end. It is killed after `timeoutMs`, which then shows as its signal. */
export function pvhctl(args: string[], options: PvhctlOptions & { input?: string } = {}): Promise<Finished> {
  const { promise, child } = startPvhctl(args, options);
  child.stdin?.end(options.input ?? "");
  return promise;
}

/** Like {@link pvhctl}, for tests that talk to it while it runs. */
export function startPvhctl(
  args: string[],
  options: PvhctlOptions = {},
): { child: ChildProcess; promise: Promise<Finished> } {
  const child = spawn(programs.pvhctl, args, {
    cwd: options.cwd ?? root,
    env: {
      ...process.env,
      ...(options.socket === undefined ? {} : { PVHD_SOCKET: options.socket }),
      ...(options.tmp === undefined ? {} : { TMPDIR: options.tmp }),
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000 * patience);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const promise = new Promise<Finished>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stdout, stderr });
    });
  });
  return { child, promise };
}

export interface Daemon {
  socket: string;
  state: string;
  pid: number;
  /** SIGTERM, and waits. Domains go on. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts pvhd on the given folder and waits until it listens. */
export async function startPvhd(folder: string): Promise<Daemon> {
  const socket = join(folder, "pvhd.sock");
  const state = join(folder, "state");
  const child = spawn(programs.pvhd, ["--socket", socket, "--state", state], {
    // Its own process group: Ctrl-C must not end it before its domains are destroyed.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const collect = (text: Buffer) => {
      output += text.toString();
      if (output.includes("listening")) resolve();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", reject);
    child.once("close", (status) =>
      reject(new Error(`pvhd ended with status ${status} before it listened:\n${output}`)),
    );
  });
  return {
    socket,
    state,
    pid: child.pid ?? 0,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await ended;
    },
  };
}

/** A private folder that goes when the callback ends, however it ends. */
export async function withFolder<T>(prefix: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `${prefix}-`));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why guests cannot run here, or undefined when they can. */
export function noKvm(): string | undefined {
  const device = process.env.PVH_KVM_DEVICE ?? "/dev/kvm";
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    const why = existsSync(device)
      ? "is not for this user: join its group, kvm, and log in again"
      : "is missing: load the module kvm_intel or kvm_amd, or enable nested virtualisation for this machine";
    return `${device} ${why}. On an emulated host: npm run e2e:machine`;
  }
}
