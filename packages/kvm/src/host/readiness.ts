import koffi from "koffi";

/** Those that listen: also keeps them from being collected, which would end them. */
const open = new Set<Readiness>();
// What is readable while the environment is torn down would call into it, which ends the process with an abort.
process.on("exit", () => {
  for (const readiness of open) readiness.close();
});

/** Tells on the event loop when a descriptor can be read; it never keeps the process alive. */
export class Readiness {
  readonly #handle: InstanceType<typeof koffi.node.PollHandle>;
  readonly #readable: () => void;
  #listening = true;
  #closed = false;

  /**
   * `readable` is called again and again as long as there is something to read, and when the descriptor has failed. It
   * does its work synchronously: promises that it settles are seen only with the next turn of the event loop.
   */
  constructor(fd: number, readable: () => void) {
    this.#readable = readable;
    this.#handle = koffi.node.poll(fd, { readable: true }, readable);
    this.#handle.unref();
    open.add(this);
  }

  pause(): void {
    if (!this.#listening || this.#closed) return;
    this.#listening = false;
    this.#handle.stop();
  }

  resume(): void {
    if (this.#listening || this.#closed) return;
    this.#listening = true;
    this.#handle.start({ readable: true }, this.#readable);
  }

  /** Before the descriptor is closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    open.delete(this);
    this.#handle.close();
  }
}
