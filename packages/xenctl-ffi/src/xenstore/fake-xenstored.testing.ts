/** For tests: a xenstored on a private Unix socket that answers as the test says, which no real one would. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { XS } from "@pvh/abi";
import { connectStore } from "./connect.ts";
import { encodeMessage, MessageReader, type StoreMessage } from "./message.ts";
import type { XenStore, XenStoreOptions } from "./xenstore.ts";

export class FakePeer {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  reply(request: StoreMessage, payload: string, changed: Partial<StoreMessage> = {}): void {
    this.raw(encodeMessage({ ...request, payload, ...changed }));
  }

  refuse(request: StoreMessage, errno: string): void {
    this.reply(request, `${errno}\0`, { type: XS.ERROR });
  }

  /** All in one piece. */
  events(...payloads: string[]): void {
    const header = { type: XS.WATCH_EVENT, requestId: 0, transactionId: 0 };
    this.raw(Buffer.concat(payloads.map((payload) => encodeMessage({ ...header, payload }))));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  /** Agrees to any request that has no other answer than that. */
  agree(request: StoreMessage): void {
    this.reply(request, request.type === XS.TRANSACTION_START ? "7\0" : "OK\0");
  }
}

export type FakeAnswer = (request: StoreMessage, peer: FakePeer) => void;

/** `requests` are those that have come so far. Everything is gone afterwards. */
export async function withFake(
  answer: FakeAnswer,
  work: (store: XenStore, requests: StoreMessage[]) => Promise<void>,
  options: XenStoreOptions = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pvh-fake-store-"));
  const requests: StoreMessage[] = [];
  const server = createServer((socket) => {
    const reader = new MessageReader();
    const peer = new FakePeer(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      for (const request of reader.take(bytes)) {
        requests.push(request);
        answer(request, peer);
      }
    });
  });
  await once(server.listen(join(folder, "socket")), "listening");
  try {
    const store = await connectStore(join(folder, "socket"), options);
    try {
      await work(store, requests);
    } finally {
      store.close();
    }
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

export const agree: FakeAnswer = (request, peer) => peer.agree(request);

/** `WRITE "/a\0x"`, with the transaction's id in front when there is one. */
export function shownRequests(requests: readonly StoreMessage[]): string[] {
  const names = new Map<number, string>(Object.entries(XS).map(([name, type]) => [type, name]));
  return requests.map(({ type, transactionId, payload }) => {
    const inside = transactionId === 0 ? "" : `${transactionId}: `;
    return `${inside}${names.get(type)} ${payload.replaceAll("\0", "|")}`;
  });
}
