import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { refuseForeignKeys } from "@pvh/builder";
import { fromProblem, PvhError } from "@pvh/errors";
import { JsonLines } from "../json-lines.ts";
import { type DomainFile, LAUNCHER_FD, LaunchMessage, RUNTIME_FILES, type VmmStatus } from "../protocol.ts";
import { removeFiles } from "../runtime-files.ts";
import { connectIn } from "../unix-socket.ts";
import { connectVmm, type Vmm } from "./vmm-client.ts";

/** How long a VMM that reports a failure may take to be gone. */
const END_MS = 5000;

export interface LaunchOptions extends DomainFile {
  /** Runtime directory; made when it does not exist. */
  dir: string;
}

/**
 * The VMM's entry. In the source tree it is the TypeScript file beside this folder; code that was bundled asks the
 * package for its bundle.
 */
export function vmmEntry(): string {
  return import.meta.url.endsWith(".ts")
    ? fileURLToPath(new URL("../vmm/main.ts", import.meta.url))
    : createRequire(import.meta.url).resolve("@pvh/kvm/vmm");
}

export interface LaunchedVmm extends Vmm {
  /** The domain when it had been created; also there when its guest was over before it could be asked. */
  readonly launched: VmmStatus;
}

/**
 * Starts a VMM process and returns when its domain runs, or is paused when `startPaused`.
 *
 * @throws the PvhError that the VMM reports, or VMM_DIED; CONFIG_KEY_UNSUPPORTED for what only another backend can. No process and no file of the VMM stays behind then.
 */
export async function launchVmm({ dir, ...domain }: LaunchOptions): Promise<LaunchedVmm> {
  refuseForeignKeys(domain.config, "kvm");
  const made = writing(dir, () => mkdirSync(dir, { recursive: true, mode: 0o700 }));
  try {
    await refuseSecond(dir, domain.uuid);
    writing(dir, () => {
      keepEarlierConsole(dir);
      removeFiles(dir, RUNTIME_FILES.olderConsoleLog);
      writeFileSync(join(dir, RUNTIME_FILES.domain), `${JSON.stringify(domain)}\n`, { mode: 0o600 });
    });
    return await start(dir, domain.uuid);
  } catch (error) {
    if (error instanceof PvhError && error.code === "DOMAIN_UUID_TAKEN") throw error;
    removeFiles(dir);
    if (made !== undefined) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** A disk that is full, or that nothing may be written to, is nobody's defect. */
function writing<T>(dir: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new PvhError(
      "FILE_UNWRITABLE",
      `The domain's files cannot be written to ${dir} (${code}): free space on its disk, and check its permissions.`,
      { field: "state", found: code, cause },
    );
  }
}

/** Why a domain had to be started again is often on its console. */
function keepEarlierConsole(dir: string): void {
  const log = join(dir, RUNTIME_FILES.consoleLog);
  if (existsSync(log)) renameSync(log, join(dir, RUNTIME_FILES.olderConsoleLog));
}

/** Two VMMs in one directory would take each other's sockets. */
async function refuseSecond(dir: string, uuid: string): Promise<void> {
  const running = await connectIn(dir, RUNTIME_FILES.control);
  if (running === undefined) return;
  running.destroy();
  throw new PvhError(
    "DOMAIN_UUID_TAKEN",
    `A VMM process runs in ${dir} already, so domain ${uuid} cannot be started there.`,
    {
      field: "uuid",
      found: uuid,
    },
  );
}

async function start(dir: string, uuid: string): Promise<LaunchedVmm> {
  const child = spawnVmm(dir);
  let connecting: Promise<Vmm | undefined> | undefined;
  try {
    for await (const message of messages(child, dir)) {
      if ("listening" in message) {
        connecting = connectVmm(dir, uuid);
      } else if ("failed" in message) {
        throw fromProblem(message.failed);
      } else {
        const vmm = await connecting;
        if (vmm === undefined) throw died(dir, "it cannot be reached on its control socket");
        return { ...vmm, launched: message.launched };
      }
    }
    throw died(dir, "it ended before its domain was created");
  } catch (error) {
    (await connecting)?.disconnect();
    await end(child);
    throw error;
  }
}

function spawnVmm(dir: string): ChildProcess {
  const log = openSync(join(dir, RUNTIME_FILES.log), "a", 0o600);
  try {
    // Options of the launcher's own runtime (a debugger's port, a loader) are not the VMM's.
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(process.execPath, [vmmEntry()], {
      cwd: dir,
      env,
      // Its own session: what happens to the launcher's terminal does not concern it.
      detached: true,
      stdio: ["ignore", "ignore", log, "pipe"],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The lines on the VMM's pipe, until it closes. The pipe itself stays open: an attached VMM ends with it. */
async function* messages(child: ChildProcess, dir: string): AsyncGenerator<LaunchMessage> {
  const pipe = child.stdio[LAUNCHER_FD];
  if (!(pipe instanceof Socket)) throw died(dir, "it could not be started");
  const lines = new JsonLines();
  const arrived: (LaunchMessage | Error)[] = [];
  let wake = () => {};
  const arrive = (...items: (LaunchMessage | Error)[]) => {
    arrived.push(...items);
    wake();
  };
  child.once("error", (cause) => arrive(died(dir, "it could not be started", cause)));
  pipe.on("error", () => pipe.destroy());
  pipe.once("close", () => arrive(died(dir, "it ended before its domain was created")));
  pipe.on("data", (chunk: Uint8Array) => {
    try {
      for (const line of lines.feed(chunk)) arrive(LaunchMessage.parse(line));
    } catch (cause) {
      arrive(died(dir, "its answer is not understood", cause));
    }
  });
  try {
    for (;;) {
      const next = arrived.shift();
      if (next instanceof Error) throw next;
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield next;
    }
  } finally {
    // From here on it shall not keep the launcher alive.
    pipe.unref();
  }
}

/** A VMM that has failed ends by itself, after it has tidied up. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.ref();
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await new Promise<void>((resolve) => child.once("exit", () => resolve()));
  clearTimeout(timer);
}

function died(dir: string, what: string, cause?: unknown): PvhError {
  const log = lastLogLine(dir);
  return new PvhError(
    "VMM_DIED",
    `The domain's VMM process failed: ${what}${log === undefined ? "" : ` (${log})`}.`,
    {
      cause,
    },
  );
}

/** What a crashing runtime says last. */
function lastLogLine(dir: string): string | undefined {
  try {
    const lines = readFileSync(join(dir, RUNTIME_FILES.log), "utf8").split("\n");
    return lines
      .findLast((line) => /error|fatal/i.test(line))
      ?.trim()
      .slice(0, 300);
  } catch {
    return undefined;
  }
}
