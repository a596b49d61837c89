import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { routes } from "./client.ts";
import { connectSocket, defaultSocket, unreachable } from "./socket.ts";

test("the client has every operation of the API under its method and path", () => {
  const file = new URL("../../daemon/openapi.json", import.meta.url);
  const document: { paths: Record<string, Record<string, { operationId: string }>> } = JSON.parse(
    readFileSync(file, "utf8"),
  );
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [operationId, [method.toUpperCase(), path]]),
  );
  expect(routes).toEqual(Object.fromEntries(operations));
});

test("the default socket is pvhd's", () => {
  expect(defaultSocket({ PVHD_SOCKET: "/tmp/s" }, 1000)).toBe("/tmp/s");
  expect(defaultSocket({}, 0)).toBe("/run/pvhd/pvhd.sock");
  expect(defaultSocket({ XDG_RUNTIME_DIR: "/x" }, 1000)).toBe("/x/pvhd/pvhd.sock");
  expect(defaultSocket({}, 1000)).toBe("/run/user/1000/pvhd/pvhd.sock");
});

test.each([
  [
    "ENOENT",
    /^No pvhd listens on \/s; start it \(npx pvhd --socket \/s\), with the --state that it had before$/,
  ],
  ["ECONNREFUSED", /has ended; start it/],
  ["EACCES", /may not use .* as its owner or as a member of its group/],
  ["ECONNRESET", /broke; look whether pvhd runs/],
])("a connection that fails with %s says what to do", (code, sentence) => {
  const error = unreachable("/s", Object.assign(new Error(code), { code }));
  expect(error).toMatchObject({ code: "DAEMON_UNREACHABLE", message: expect.stringMatching(sentence) });
});

test("a directory of a long path that does not exist is a failure like any other", () => {
  expect(() => connectSocket(`/${"x".repeat(120)}/s`)).toThrow(/ENOENT/);
});

test("a connection over a long path lets go of the directory once, also when it breaks later", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pvh-client-"));
  const long = join(folder, "d".repeat(120));
  mkdirSync(long);
  const directory = openSync(long, "r");
  const server = createServer().listen(`/proc/self/fd/${directory}/s`);
  await once(server, "listening");
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  try {
    const socket = connectSocket(join(long, "s"));
    await once(socket, "connect");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.destroy(new Error("reset"));
    await closed;
    // The server's end of the connection may still be there.
    expect(descriptors()).toBeLessThanOrEqual(before + 1);
  } finally {
    server.close();
    closeSync(directory);
    rmSync(folder, { recursive: true, force: true });
  }
});
