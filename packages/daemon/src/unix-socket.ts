import { chmodSync, closeSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { PvhError } from "@pvh/errors";
import { makeDirectory } from "./make-directory.ts";

/** `sun_path` of sockaddr_un holds 108 bytes with the final zero. */
const maxSocketPath = 107;
/** Paths through /proc/self/fd/N/ must still fit with the longest name that this module makes. */
const maxSocketName = 64;

/**
 * Listens on a Unix socket of mode 0660 and returns a function that removes it again.
 *
 * The socket is made under a temporary name and renamed when it is ready: nobody can connect before the mode is set, a
 * stale socket is replaced in one step, and the path itself may be longer than a socket address.
 */
export async function listenOnSocket(server: Server, path: string): Promise<() => void> {
  const directory = dirname(path);
  checkName(path);
  try {
    makeDirectory(directory, 0o750);
    await refuseUnlessFree(path);
    const temporary = join(directory, `.${process.pid}.sock`);
    rmSync(temporary, { force: true });
    await withShortPath(
      temporary,
      (short) =>
        new Promise<void>((done, failed) => {
          server.once("error", failed);
          server.listen(short, () => {
            server.off("error", failed);
            done();
          });
        }),
    );
    chmodSync(temporary, 0o660);
    renameSync(temporary, path);
    const { ino } = lstatSync(path);
    return () => removeOwn(path, ino);
  } catch (cause) {
    if (cause instanceof PvhError) throw cause;
    throw new PvhError(
      "DAEMON_STATE",
      `pvhd cannot listen on the socket ${path}; give a path in a directory that this user may write with --socket.`,
      { field: "--socket", found: path, cause },
    );
  }
}

function checkName(path: string): void {
  const length = Buffer.byteLength(basename(path));
  if (length > 0 && length <= maxSocketName) return;
  throw new PvhError(
    "USAGE",
    `The name of the socket in --socket has ${length} bytes; 1 to ${maxSocketName} bytes are right (its directory may be longer).`,
    { field: "--socket", found: length, allowed: `1 to ${maxSocketName} bytes` },
  );
}

/** Another daemon that started later may have taken the path over. */
function removeOwn(path: string, inode: number): void {
  try {
    if (lstatSync(path).ino === inode) rmSync(path, { force: true });
  } catch {
    // Gone already.
  }
}

/** Refuses a path on which another daemon answers, or on which something else than a socket stands. */
export async function refuseUnlessFree(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new PvhError(
      "USAGE",
      `${path} exists and is not a socket; remove it, or give another path with --socket.`,
      {
        field: "--socket",
        found: path,
      },
    );
  }
  if (await answers(path)) {
    throw new PvhError(
      "DAEMON_RUNNING",
      `Another pvhd answers on the socket ${path}; end it, or give another path with --socket.`,
      { field: "--socket", found: path },
    );
  }
}

async function answers(path: string): Promise<boolean> {
  return withShortPath(
    path,
    (short) =>
      new Promise<boolean>((done) => {
        const socket = connect(short);
        socket.once("connect", () => {
          socket.destroy();
          done(true);
        });
        // ECONNREFUSED: the process that listened here is gone. Any other failure leaves the path to whoever has it.
        socket.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "ECONNREFUSED"));
      }),
  );
}

/** Calls `use` with a name for `path` that fits into a socket address. */
async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= maxSocketPath) return use(path);
  const directory = openSync(dirname(path), "r");
  try {
    return await use(`/proc/self/fd/${directory}/${basename(path)}`);
  } finally {
    closeSync(directory);
  }
}
