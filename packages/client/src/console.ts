import type { Socket } from "node:net";
import { errorOf } from "./exchange.ts";
import { connectSocket, unreachable } from "./socket.ts";

/** An open console. Nothing is lost between opening it and the first `onData`. */
export interface DomainConsole {
  /** Bytes for the guest. */
  send(bytes: Uint8Array): void;
  /** The earlier output first, then what the guest prints. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Resolves when the console is over: the domain ended, or `close` was called. `clean` is false when it broke. */
  readonly closed: Promise<{ clean: boolean; reason: string }>;
  close(): void;
}

/** @param path of the API */
export async function openConsole(socket: string, path: string): Promise<DomainConsole> {
  const { WebSocket } = await import("ws");
  const connection = connect(socket);
  const ws = new WebSocket(`ws://pvhd${path}`, {
    createConnection: () => connection,
    perMessageDeflate: false,
  });
  const closed = new Promise<{ clean: boolean; reason: string }>((resolve) => {
    ws.once("close", (code, reason) =>
      resolve({ clean: code === 1000 || code === 1005, reason: reason.toString() }),
    );
  });
  const waiting: Uint8Array[] = [];
  let deliver = (bytes: Uint8Array): void => {
    waiting.push(bytes);
  };
  ws.on("message", (data: Buffer) => deliver(data));

  await new Promise<void>((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("error", (cause) => reject(unreachable(socket, cause)));
    ws.once("unexpected-response", (_request, response) => {
      void errorOf(socket, response).then(reject, reject);
    });
  });
  // A later failure shows as an unclean close.
  ws.on("error", () => {});

  return {
    closed,
    send: (bytes) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(bytes, { binary: true });
    },
    onData: (listener) => {
      deliver = listener;
      for (const bytes of waiting.splice(0)) listener(bytes);
    },
    close: () => ws.close(1000),
  };
}

function connect(socket: string): Socket {
  try {
    return connectSocket(socket);
  } catch (cause) {
    throw unreachable(socket, cause);
  }
}
