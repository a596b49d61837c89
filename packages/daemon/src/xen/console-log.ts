import { closeSync, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { openTty } from "./console-terminal.ts";
import { guestLogDirectory } from "./xenconsoled.ts";

/** Bytes of a console's output that are kept: what a client sees first. */
const KEPT = 2 << 20;
const CHUNK = 64 * 1024;

/** A part of a file that xenconsoled appends to: one domain's output. */
export interface LogPart {
  path: string;
  offset: number;
}

/** xenconsoled opens the log a moment after it has given the guest its terminal. */
const LOG_MS = 1000;

/** xenconsoled's log of a guest that has its terminal, from where it ends now; undefined when it writes none. */
export async function findGuestLog(name: string): Promise<LogPart | undefined> {
  const directory = guestLogDirectory();
  if (directory === undefined) return undefined;
  const path = join(directory, `guest-${name}.log`);
  for (const deadline = performance.now() + LOG_MS; ; await sleep(5)) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return { path, offset: found.size };
    if (performance.now() > deadline) return undefined;
  }
}

/** The last of the output so far. */
export function readLog({ path, offset }: LogPart): Uint8Array {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const start = Math.max(offset, size - KEPT);
      const bytes = new Uint8Array(Math.max(0, size - start));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start));
    } finally {
      closeSync(fd);
    }
  } catch {
    return new Uint8Array();
  }
}

export interface ConsolePaths {
  log: LogPart;
  /** The terminal that xenconsoled gives the guest's console. */
  tty: string;
}

/**
 * A console: output from xenconsoled's log, beginning with what was kept, so that several clients, xl's among them, each
 * see all of it; input to its terminal. Ends when `ended` resolves and all has been read.
 */
export async function openLoggedConsole(
  { log, tty }: ConsolePaths,
  ended: Promise<unknown>,
): Promise<Duplex> {
  const file = await open(log.path, "r");
  const input = await openTty(tty).catch(async (error) => {
    await file.close();
    throw error;
  });
  let position = Math.max(log.offset, (await file.stat()).size - KEPT);
  let over = false;
  let hungry = false;
  let reading = false;
  /** Something may have come since the file was looked at. */
  let again = false;
  let idle = false;
  const buffer = Buffer.alloc(CHUNK);

  const pump = async () => {
    again = true;
    if (reading || !hungry || console.destroyed) return;
    reading = true;
    try {
      again = false;
      // Known before it is read, so that nothing that came first is missed.
      const last = over;
      const { bytesRead } = await file.read(buffer, 0, CHUNK, position);
      idle = bytesRead === 0;
      if (!idle) {
        position += bytesRead;
        hungry = console.push(Buffer.from(buffer.subarray(0, bytesRead)));
      } else if (last) {
        hungry = false;
        console.push(null);
      }
    } catch (error) {
      console.destroy(error instanceof Error ? error : new Error(String(error)));
    } finally {
      reading = false;
    }
    if (hungry && (again || !idle)) setImmediate(pump);
  };
  const watcher = watch(log.path, () => void pump());
  const console = new Duplex({
    read() {
      hungry = true;
      void pump();
    },
    write(chunk: Buffer, _encoding, done) {
      input.write(chunk).then(
        () => done(),
        // It went away with the domain: whoever writes then is told by the end of the output.
        () => done(),
      );
    },
    destroy(error, done) {
      watcher.close();
      Promise.allSettled([file.close(), input.close()]).then(() => done(error));
    },
  });
  void ended.then(() => {
    over = true;
    void pump();
  });
  return console;
}
