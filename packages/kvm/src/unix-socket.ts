import { closeSync, constants, openSync } from "node:fs";
import { connect, type Server, type Socket } from "node:net";

/**
 * Connects to a socket in a directory whose path may be longer than a socket address: the address names the open
 * directory instead. Undefined when nobody listens there.
 */
export function connectIn(dir: string, name: string): Promise<Socket | undefined> {
  let dirFd: number;
  try {
    dirFd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    // Anything else, such as too many open files, does not say that nobody is there.
    return isAbsent(error) ? Promise.resolve(undefined) : Promise.reject(error);
  }
  return new Promise((resolve, reject) => {
    const socket = connect(`/proc/self/fd/${dirFd}/${name}`);
    const settle = (action: () => void) => {
      closeSync(dirFd);
      socket.removeAllListeners();
      action();
    };
    socket.once("connect", () => settle(() => resolve(socket)));
    socket.once("error", (error) =>
      settle(() => {
        if (isAbsent(error)) resolve(undefined);
        else reject(error);
      }),
    );
  });
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ECONNREFUSED";
}

/** Listens in the working directory, whose own path may be too long for a socket address. */
export function listenHere(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(name, () => {
      server.off("error", reject);
      // A connection that cannot be taken is the client's loss, not the domain's.
      server.on("error", (error) => console.error(error));
      resolve();
    });
  });
}

/** Lets the sockets have what was written to them, then closes them; slow ones are cut off after that time. */
export async function endAll(sockets: Iterable<Socket>, milliseconds: number): Promise<void> {
  const all = [...sockets];
  const flushed = Promise.all(all.map((socket) => new Promise<void>((resolve) => socket.end(resolve))));
  const timeout = new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
  await Promise.race([flushed, timeout]);
  for (const socket of all) socket.destroy();
}
