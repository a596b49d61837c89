import { setTimeout as pause } from "node:timers/promises";
import { XenStoreError } from "./error.ts";
import { connectSocket, type SocketTransport } from "./socket-transport.ts";
import { XenStore, type XenStoreOptions } from "./xenstore.ts";

/** Half a minute: xenstored answers nobody while it updates itself. */
const BUSY_ATTEMPTS = 1500;
const BUSY_PAUSE = 20;

/** Where xenstored may listen, the likeliest place first; the same rule as libxenstore's. */
export function socketPaths(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  if (env.XENSTORED_PATH) return [env.XENSTORED_PATH];
  return ["/run/xenstored/socket", "/var/run/xenstored/socket"];
}

/**
 * Connects to the host's xenstored, at `path` or where it usually listens.
 *
 * @throws XenStoreError when nobody is there or lets us in.
 */
export async function connectStore(path?: string, options: XenStoreOptions = {}): Promise<XenStore> {
  const paths = path === undefined ? socketPaths() : [path];
  let absent: unknown;
  for (const candidate of paths) {
    try {
      return new XenStore(await connectPatiently(candidate), options);
    } catch (cause) {
      if (!isAbsent(cause)) throw new XenStoreError(explain(candidate, codeOf(cause)), { cause });
      absent ??= cause;
    }
  }
  const places = paths.join(" or ");
  throw new XenStoreError(
    `No xenstored listens on ${places}; start it (systemctl start xenstored) if this is domain 0 of a Xen host, or name its socket with XENSTORED_PATH.`,
    { cause: absent },
  );
}

/** Only two connections may wait at xenstored's socket; while they do, all others get EAGAIN. */
async function connectPatiently(path: string): Promise<SocketTransport> {
  for (let left = BUSY_ATTEMPTS; ; left--) {
    try {
      return await connectSocket(path);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN" || left === 0) throw error;
    }
    await pause(BUSY_PAUSE);
  }
}

function explain(path: string, code: unknown): string {
  if (code === "EACCES" || code === "EPERM") {
    return `This user may not use xenstored's socket ${path}; run this as root.`;
  }
  if (code === "EAGAIN") {
    return `xenstored takes no connections on ${path}; look whether it was stopped by a signal.`;
  }
  return `xenstored cannot be reached on ${path} (${code}); look whether it runs and whether the path is right.`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ECONNREFUSED";
}
