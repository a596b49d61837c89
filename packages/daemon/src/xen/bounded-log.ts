import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processesIn } from "@pvh/kvm";

const LOGGER = "dd";
const BLOCK = 1024;
const BLOCKS = 4096;
const REST_MS = 2000;
const POLL_MS = 5;

/**
 * What other processes get as their output: what they write is appended to a file, 4 MiB at most, and less when they write
 * little at a time. A guest can make its QEMU complain without end (XSA-180), and must not fill the host's disk with it.
 * What is written later is lost, and keeps nobody waiting. It goes on without us, until the last writer has ended.
 *
 * @param dir where the logger runs, by which `untilLogged` finds it
 */
export async function boundedLog(dir: string, path: string) {
  const log = openSync(path, "a", 0o600);
  try {
    const logger = spawn(LOGGER, [`bs=${BLOCK}`, `count=${BLOCKS}`, "status=none"], {
      cwd: dir,
      detached: true,
      stdio: ["pipe", log, "ignore"],
    });
    await once(logger, "spawn");
    logger.unref();
    const { stdin } = logger;
    if (stdin === null) throw new Error("dd has no standard input");
    // It may be full before we let go of it.
    stdin.on("error", () => {});
    return stdin;
  } finally {
    closeSync(log);
  }
}

/** Waits until all that a process which has ended had written is in the log. */
export async function untilLogged(dir: string): Promise<void> {
  const running = () => processesIn(dir, ([program]) => program === LOGGER).length > 0;
  for (const deadline = performance.now() + REST_MS; running() && performance.now() < deadline; ) {
    await sleep(POLL_MS);
  }
}
