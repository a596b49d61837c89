import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import { LAUNCHER_FD, type LaunchMessage } from "../protocol.ts";

/** The way back to the process that started this VMM: lines on how it goes. Its closing means that it has gone. */
export class LauncherPipe {
  readonly #socket: Socket | undefined;

  constructor() {
    this.#socket = isSocket(LAUNCHER_FD) ? new Socket({ fd: LAUNCHER_FD }) : undefined;
    // A launcher that has died does not matter to a domain that is not attached to it.
    this.#socket?.on("error", () => {});
  }

  get open(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed;
  }

  tell(message: LaunchMessage): Promise<void> {
    const line = `${JSON.stringify(message)}\n`;
    return new Promise((resolve) => {
      if (this.#socket === undefined || this.#socket.destroyed) resolve();
      else this.#socket.write(line, () => resolve());
    });
  }

  onClose(callback: () => void): void {
    if (this.#socket === undefined) return;
    this.#socket.once("close", callback);
    this.#socket.resume();
  }

  /** The launcher may go without consequences. */
  release(): void {
    this.#socket?.end();
    this.#socket?.unref();
  }
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
