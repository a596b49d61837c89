import { connect, type Socket } from "node:net";
import { XenStoreError } from "./error.ts";
import type { StoreTransport, TransportListener } from "./transport.ts";

/** Rejects with the system's error. */
export function connectSocket(path: string): Promise<SocketTransport> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    // Stays, so that no error is ever unheard.
    socket.on("error", reject);
    socket.once("connect", () => resolve(new SocketTransport(socket)));
  });
}

export class SocketTransport implements StoreTransport {
  readonly #socket: Socket;
  readonly #unsent: Uint8Array[] = [];
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  open(listener: TransportListener): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    const ended = () => {
      if (!this.#closed) listener.ended(ending(failure));
    };
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("data", (bytes) => {
      if (!this.#closed) listener.received(bytes);
    });
    // A peer that says no more, and does not read what was sent to it, causes the first only.
    socket.on("end", ended).on("close", ended);
    // It may have ended between being connected and now.
    if (socket.destroyed) process.nextTick(ended);
  }

  send(message: Uint8Array): void {
    // What is sent in one turn goes out in one piece: a hundred small ones keep a stream busy for longer than xenstored.
    if (this.#unsent.length === 0) process.nextTick(() => this.#flush());
    this.#unsent.push(message);
  }

  #flush(): void {
    const pieces = this.#unsent.splice(0);
    if (!this.#closed) this.#socket.write(Buffer.concat(pieces));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}

function ending(cause: Error | undefined): XenStoreError {
  return new XenStoreError(
    "xenstored has closed the connection; look whether it still runs, and restart pvhd once it does.",
    { cause },
  );
}
