import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, dirname, resolve } from "node:path";
import { PvhError } from "@pvh/errors";

/** `sun_path` of sockaddr_un holds 108 bytes with the final zero. */
const maxSocketPath = 107;

/** Where pvhd listens when nobody says otherwise; the same rule as pvhd's. */
export function defaultSocket(
  env: Readonly<Record<string, string | undefined>> = process.env,
  uid: number = process.getuid?.() ?? 0,
): string {
  if (env.PVHD_SOCKET) return resolve(env.PVHD_SOCKET);
  if (uid === 0) return "/run/pvhd/pvhd.sock";
  return `${env.XDG_RUNTIME_DIR || `/run/user/${uid}`}/pvhd/pvhd.sock`;
}

/**
 * Connects to a Unix socket; its path may be longer than a socket address. Failures come as `error` events.
 *
 * @throws the system's error when the directory of such a long path cannot be opened.
 */
export function connectSocket(path: string): Socket {
  if (Buffer.byteLength(path) <= maxSocketPath) return connect(path);
  const directory = openSync(dirname(path), "r");
  const socket = connect(`/proc/self/fd/${directory}/${basename(path)}`);
  // The one event that comes exactly once: a connection that was made may still fail.
  socket.once("close", () => closeSync(directory));
  return socket;
}

/** Why pvhd cannot be reached, and what to do about it. */
export function unreachable(path: string, cause: unknown): PvhError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return new PvhError("DAEMON_UNREACHABLE", explain(path, code), {
    field: "socket",
    found: path,
    cause,
  });
}

function explain(path: string, code: unknown): string {
  const start = `start it (npx pvhd --socket ${path}), with the --state that it had before`;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return `No pvhd listens on ${path}; ${start}`;
    case "ECONNREFUSED":
      return `The pvhd that listened on ${path} has ended; ${start}`;
    case "EACCES":
    case "EPERM":
      return `This user may not use pvhd's socket ${path}; run the command as its owner or as a member of its group.`;
    case "ENOTSOCK":
      return `${path} is not a socket; give pvhd's socket with PVHD_SOCKET.`;
    default:
      return `The connection to pvhd on ${path} broke; look whether pvhd runs, and repeat the command.`;
  }
}
