import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { PvhClient } from "@pvh/client";
import { describe, expect, test } from "vitest";
import { withDaemon } from "../support/daemon-runs.ts";
import { root, startPvhd, withFolder } from "../support/programs.ts";

/** Runs pvhd to its end, as one that must not start. */
async function refusedPvhd(args: string[]): Promise<{ status: number; stderr: string }> {
  const child = spawn(join(root, "packages/daemon/bin/pvhd"), args, { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const [status] = await once(child, "close");
  return { status, stderr };
}

describe("a pvhd process", () => {
  test("guards its socket with its mode, and takes it away when it ends", async () => {
    await withFolder("pvhd", async (folder) => {
      const daemon = await startPvhd(folder);
      expect(statSync(daemon.socket).mode & 0o777).toBe(0o660);
      await daemon.stop();
      expect(statSync(daemon.socket, { throwIfNoEntry: false })).toBeUndefined();
    });
  });

  test("takes over a socket and a state directory that a killed one left", async () => {
    await withDaemon(async ({ restart, client, daemon }) => {
      await restart("SIGKILL");
      expect(await client.listDomains()).toEqual([]);
      expect(statSync(daemon.socket).isSocket()).toBe(true);
    });
  });

  test("is refused beside another one, by socket and by state directory", async () => {
    await withDaemon(async ({ daemon, client, folder }) => {
      const sameSocket = await refusedPvhd(["--socket", daemon.socket, "--state", join(folder, "other")]);
      expect(sameSocket.status).toBe(1);
      expect(sameSocket.stderr).toMatch(/DAEMON_RUNNING: Another pvhd answers on the socket/);
      const sameState = await refusedPvhd(["--socket", join(folder, "other.sock"), "--state", daemon.state]);
      expect(sameState.status).toBe(1);
      expect(sameState.stderr).toMatch(
        /DAEMON_RUNNING: Another pvhd \(process \d+\) uses the state directory/,
      );
      expect(await client.listDomains()).toEqual([]);
    });
  });

  test("does not touch a file that is no socket, nor a socket of somebody else", async () => {
    await withFolder("pvhd", async (folder) => {
      const file = join(folder, "notes");
      writeFileSync(file, "mine");
      const refused = await refusedPvhd(["--socket", file, "--state", join(folder, "state")]);
      expect(refused.stderr).toMatch(/is not a socket/);
      expect(readFileSync(file, "utf8")).toBe("mine");

      const path = join(folder, "other.sock");
      const server = createServer().listen(path);
      await once(server, "listening");
      const busy = await refusedPvhd(["--socket", path, "--state", join(folder, "state")]);
      expect(busy.stderr).toMatch(/DAEMON_RUNNING/);
      server.close();
    });
  });

  test("listens on a path that is longer than a socket address, and clients reach it", async () => {
    await withFolder("pvhd", async (folder) => {
      const daemon = await startPvhd(join(folder, "d".repeat(120)));
      expect(Buffer.byteLength(daemon.socket)).toBeGreaterThan(108);
      expect((await new PvhClient(daemon.socket).getHost()).backend).toBe("kvm");
      await daemon.stop();
    });
  });

  test("refuses wrong arguments with status 2", async () => {
    const refused = await refusedPvhd(["--sockt", "x"]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/USAGE: Unknown option '--sockt'/);
  });
});
