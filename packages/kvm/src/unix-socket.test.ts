import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectIn } from "./unix-socket.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvh-socket-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("nobody is where there is no directory and no socket", async () => {
  writeFileSync(join(dir, "file"), "");
  expect(await connectIn(join(dir, "absent"), "s")).toBeUndefined();
  expect(await connectIn(join(dir, "file"), "s")).toBeUndefined();
  expect(await connectIn(dir, "s")).toBeUndefined();
});

test("who listens is reached", async () => {
  const server = createServer().listen(join(dir, "s"));
  await once(server, "listening");
  const socket = await connectIn(dir, "s");
  expect(socket).toBeDefined();
  socket?.destroy();
  server.close();
});

test("a failure that says nothing about who listens is not taken for absence", async () => {
  await expect(connectIn(`/${"d".repeat(5000)}`, "s")).rejects.toMatchObject({ code: "ENAMETOOLONG" });
});
