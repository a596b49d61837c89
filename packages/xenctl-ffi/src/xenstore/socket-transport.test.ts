import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectSocket, type SocketTransport } from "./socket-transport.ts";

/** Both ends of a connection; the server's does not read. */
async function withPair(work: (transport: SocketTransport, peer: Socket) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pvh-transport-"));
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(join(folder, "socket"));
  try {
    await once(server, "listening");
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const transport = await connectSocket(join(folder, "socket"));
    const peer = await accepted;
    peer.on("error", () => {});
    try {
      await work(transport, peer);
    } finally {
      transport.close();
      peer.destroy();
    }
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

function ending(transport: SocketTransport): Promise<Error> {
  return new Promise((resolve) => transport.open({ received: () => {}, ended: resolve }));
}

test("a peer that ends, but does not read what was sent to it, has ended", () =>
  withPair(async (transport, peer) => {
    const ended = ending(transport);
    transport.send(new Uint8Array(16 << 20));
    peer.end();
    const error = await ended;
    expect(error).toMatchObject({ code: "XENSTORE" });
    expect(error.cause).toBeUndefined();
  }));

test("a connection that breaks has ended, and why is told", () =>
  withPair(async (transport, peer) => {
    const ended = ending(transport);
    transport.send(new Uint8Array(16 << 20));
    // Some of it has arrived and is not read.
    await new Promise((resolve) => setImmediate(resolve));
    peer.destroy();
    expect(await ended).toMatchObject({
      code: "XENSTORE",
      cause: { code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) },
    });
  }));

test("a connection that has broken before anybody listens has ended", () =>
  withPair(async (transport, peer) => {
    peer.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ending(transport)).toMatchObject({ code: "XENSTORE" });
  }));

test("closing ends the connection for the peer", () =>
  withPair(async (transport, peer) => {
    void ending(transport).then(() => expect.unreachable());
    transport.close();
    await once(peer.resume(), "end");
  }));
