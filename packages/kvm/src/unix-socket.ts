import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";

/**
 * Connects to a socket in a directory whose path may be longer than a socket address: the address names the open
 * directory instead. Undefined when nobody listens there.
 */
export function connectIn(dir: string, name: string): Promise<Socket | undefined> {
  let dirFd: number;
  try {
    dirFd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const socket = connect(`/proc/self/fd/${dirFd}/${name}`);
    const settle = (action: () => void) => {
      closeSync(dirFd);
      socket.removeAllListeners();
      action();
    };
    socket.once("connect", () => settle(() => resolve(socket)));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      settle(() => {
        if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(undefined);
        else reject(error);
      }),
    );
  });
}
