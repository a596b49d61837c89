import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connectStore, socketPaths } from "./connect.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pvh-connect-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("xenstored listens where the environment says, or where it usually does", () => {
  expect(socketPaths({ XENSTORED_PATH: "/x/socket" })).toEqual(["/x/socket"]);
  expect(socketPaths({})).toEqual(["/run/xenstored/socket", "/var/run/xenstored/socket"]);
});

test("where nobody listens, the error says what to do", async () => {
  writeFileSync(join(folder, "file"), "");
  for (const name of ["absent", "file", "file/below"]) {
    const path = join(folder, name);
    await expect(connectStore(path)).rejects.toMatchObject({
      code: "XENSTORE",
      message: `No xenstored listens on ${path}; start it (systemctl start xenstored) if this is domain 0 of a Xen host, or name its socket with XENSTORED_PATH.`,
      cause: { code: expect.stringMatching(/^E/) },
    });
  }
  vi.stubEnv("XENSTORED_PATH", join(folder, "absent"));
  await expect(connectStore()).rejects.toThrow(`No xenstored listens on ${join(folder, "absent")};`);
});

test("other failures are told as they are", async () => {
  const path = join(folder, "s".repeat(200));
  await expect(connectStore(path)).rejects.toThrow(
    /cannot be reached on .* \(EINVAL\); look whether it runs/,
  );
});

test("the path of the environment is used", async () => {
  const path = join(folder, "socket");
  const server = createServer((socket) => socket.on("error", () => {})).listen(path);
  await once(server, "listening");
  vi.stubEnv("XENSTORED_PATH", path);
  const store = await connectStore();
  store.close();
  expect(await store.closed).toBeUndefined();
  server.close();
});

test("a socket at which others wait already is tried again", async () => {
  const path = join(folder, "socket");
  const server = createServer((socket) => socket.on("error", () => {})).listen({ path, backlog: 1 });
  await once(server, "listening");
  // Nobody is let in before this turn is over.
  const stores = await Promise.all(Array.from({ length: 10 }, () => connectStore(path)));
  for (const store of stores) store.close();
  server.close();
});
