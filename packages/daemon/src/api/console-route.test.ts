import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestDaemon } from "../daemon.testing.ts";
import { eventually } from "../eventually.testing.ts";
import { createApp } from "./app.ts";

let daemon: TestDaemon;
let app: FastifyInstance;
let uuid: string;
let log: string[];

beforeEach(async () => {
  daemon = await new TestDaemon().start();
  log = [];
  app = await createApp(daemon.domains, (line) => log.push(line));
  const payload = { name: "g", type: "pvh", kernel: daemon.kernel, cmdline: "print=hello" };
  uuid = (await app.inject({ method: "POST", url: "/domains", payload })).json().uuid;
});
afterEach(async () => {
  await app.close();
  await daemon[Symbol.asyncDispose]();
});

/** Opens the console and collects what it says. */
async function openConsole() {
  const seen = { text: "", frames: [] as boolean[] };
  const socket = await app.injectWS("/domains/g/console", undefined, {
    onInit: (early) =>
      early.on("message", (data, isBinary) => {
        seen.text += data.toString();
        seen.frames.push(isBinary);
      }),
  });
  const closed = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  return { socket, seen, closed };
}

test("earlier output comes first, then what follows, in binary frames", async () => {
  const { socket, seen } = await openConsole();
  await eventually(() => expect(seen.text).toBe("hello\n"));
  daemon.backend.guest(uuid).print("world\n");
  await eventually(() => expect(seen.text).toBe("hello\nworld\n"));
  expect(seen.frames).not.toContain(false);
  socket.terminate();
});

test("what a client sends goes to the guest", async () => {
  const { socket } = await openConsole();
  socket.send("root\n");
  socket.send(new Uint8Array([0x6c, 0x73]));
  await eventually(() => expect(daemon.backend.guest(uuid).input).toBe("root\nls"));
  socket.terminate();
});

test("a client that goes leaves nothing connected", async () => {
  const { socket } = await openConsole();
  expect(daemon.backend.guest(uuid).consoles).toBe(1);
  socket.terminate();
  await eventually(() => expect(daemon.backend.guest(uuid).consoles).toBe(0));
});

test("the end of the domain closes the console, after all of its output", async () => {
  const { seen, closed } = await openConsole();
  daemon.backend.guest(uuid).print("bye\n");
  daemon.backend.guest(uuid).end("poweroff");
  expect(await closed).toEqual({ code: 1000, reason: "the domain has ended" });
  expect(seen.text).toBe("hello\nbye\n");
});

test("whoever sees the console close can ask at once how the domain has ended", async () => {
  const guest = daemon.backend.guest(uuid);
  const removed = Promise.withResolvers<void>();
  guest.discards = () => removed.promise;
  const { closed } = await openConsole();
  const seen = closed.then(() => daemon.domains.get("g"));
  guest.end("poweroff");
  await sleep(50);
  expect(daemon.domains.get("g").state).toBe("running");
  removed.resolve();
  expect(await seen).toMatchObject({ state: "shutdown", exit: { reason: "poweroff" } });
});

test("the console of an ended domain is its log", async () => {
  daemon.backend.guest(uuid).end("crash");
  await eventually(() => expect(daemon.domains.get("g").state).toBe("crashed"));
  const { seen, closed } = await openConsole();
  expect(await closed).toEqual({ code: 1000, reason: "the domain has ended" });
  expect(seen.text).toBe("hello\n");
});

test("a console that cannot be reached is not taken for the end of its domain", async () => {
  vi.spyOn(daemon.backend, "openConsole").mockRejectedValue(new Error("too many open files"));
  const { closed } = await openConsole();
  expect(await closed).toEqual({ code: 1011, reason: "the console cannot be opened" });
  expect(log.join("\n")).toMatch(/GET \/domains\/g\/console failed: .*too many open files/);
});

test("much output to a slow client arrives whole and in order", async () => {
  const { seen } = await openConsole();
  const lines = Array.from({ length: 200_000 }, (_, i) => `${i}\n`);
  for (let i = 0; i < lines.length; i += 1000) {
    daemon.backend.guest(uuid).print(lines.slice(i, i + 1000).join(""));
  }
  const expected = `hello\n${lines.join("")}`;
  await eventually(() => expect(seen.text.length).toBe(expected.length));
  expect(seen.text).toBe(expected);
});

test("a client that does not read holds up its own console, and nothing piles up in the daemon", async () => {
  const { socket, seen } = await openConsole();
  await eventually(() => expect(seen.text).toBe("hello\n"));
  socket.pause();
  const chunk = "x".repeat(64 * 1024);
  for (let i = 0; i < 64; i++) {
    daemon.backend.guest(uuid).print(chunk);
    await new Promise((done) => setImmediate(done));
  }
  const [server] = app.websocketServer.clients;
  expect(server?.bufferedAmount).toBeGreaterThan(0);
  expect(server?.bufferedAmount).toBeLessThan(512 * 1024);
  socket.resume();
  await eventually(() => expect(seen.text.length).toBe(6 + 64 * chunk.length));
  socket.terminate();
});

test("an upgrade for a domain that is not there is refused with 404", async () => {
  await expect(app.injectWS("/domains/none/console")).rejects.toThrow("404");
});
