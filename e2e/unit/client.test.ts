import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PvhClient } from "@pvh/client";
import { SimulatorBackend, startDaemon } from "@pvh/daemon";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";

/** The client against a daemon in this process, whose domains are simulated. */

const folder = mkdtempSync(join(tmpdir(), "pvh-client-"));
const kernel = join(folder, "kernel");
const backend = new SimulatorBackend();
let client: PvhClient;
let stop: () => Promise<void>;

beforeAll(async () => {
  writeFileSync(kernel, "");
  const socket = join(folder, "pvhd.sock");
  stop = await startDaemon({ socket, stateDir: join(folder, "state") }, backend, () => {});
  client = new PvhClient(socket);
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

const foreign = { state: "paused", memory: 32, vcpus: 1 } as const;

function guest(name: string, cmdline = "") {
  return { name, type: "pvh", kernel, cmdline } as const;
}

test("every operation does what its name says", async () => {
  const { domain, created } = await client.createDomain({ ...guest("a"), start_paused: true });
  expect([created, domain.state]).toEqual([true, "paused"]);
  expect((await client.act("a", "unpause")).state).toBe("running");
  expect((await client.act(domain.uuid, "pause")).state).toBe("paused");
  expect((await client.getDomain("a")).uuid).toBe(domain.uuid);
  expect(await client.listDomains()).toMatchObject([{ name: "a", state: "paused" }]);
  expect(await client.changeDomain("a", { memory: 16 })).toMatchObject({ memory_now: 16 });
  expect((await client.sendSysrq(`${domain.domid}`, "h")).uuid).toBe(domain.uuid);
  expect(await client.changeDomain("a", { maxmem: 64, cpu_weight: 512 })).toMatchObject({ maxmem_now: 64 });
  expect(await client.pin("a", { vcpu: 0, cpus: "0-3,^2" })).toMatchObject({
    cpu_weight: 512,
    affinity: [{ cpus: "0-3,^2", cpus_soft: "all" }],
  });
  await client.trigger("a", "nmi");
  expect(backend.guest(domain.uuid).triggers).toEqual(["nmi 0"]);
  const core = join(folder, "core");
  await client.dumpCore("a", core);
  expect(existsSync(core)).toBe(true);
  expect((await client.rename("a", "b")).name).toBe("b");
  expect((await client.rename("b", "a")).uuid).toBe(domain.uuid);
  backend.foreign = [
    {
      uuid: domain.uuid.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
      domid: 9,
      name: "theirs",
      ...foreign,
    },
  ];
  expect(await client.listDomains()).toHaveLength(1);
  expect(await client.listDomains(true)).toMatchObject([{ name: "a" }, { name: "theirs", foreign: true }]);
  backend.foreign = [];
  const disk = await client.attachDisk("a", "/a b.img,raw,xvda");
  expect(await client.listDevices("a")).toEqual([disk]);
  await client.detachDisk("a", "xvda");
  const { mac = "" } = await client.attachVif("a", { bridge: "br0" });
  await client.detachVif("a", mac, true);
  expect(await client.listDevices("a")).toEqual([]);
  expect((await client.act("a", "reboot")).state).toBe("shutting-down");
  expect((await client.act("a", "shutdown")).state).toBe("shutting-down");
  expect((await client.act("a", "destroy")).state).toBe("destroyed");
  expect(await client.deleteDomain("a")).toBeUndefined();
  expect(await client.getHost()).toMatchObject({ backend: "simulator", usable: true });
});

test("a name that needs escaping in a path names its domain", async () => {
  const name = "a b%20?#\\ü";
  await client.createDomain(guest(name));
  expect((await client.getDomain(name)).name).toBe(name);
  await client.deleteDomain(name);
});

test("a problem document comes back as the error that it was", async () => {
  await expect(client.createDomain({ ...guest("a"), memory: -5 })).rejects.toMatchObject({
    name: "PvhError",
    code: "CONFIG_INVALID",
    details: { field: "memory", found: "-5" },
  });
  await expect(client.openConsole("none")).rejects.toMatchObject({ code: "DOMAIN_NOT_FOUND" });
});

test("a console tells everything from the start, even to a late listener, and says when it is over", async () => {
  const { domain } = await client.createDomain(guest("c", "print=hello"));
  const console = await client.openConsole("c");
  backend.guest(domain.uuid).print("world\n");
  await new Promise((done) => setTimeout(done, 50));
  let seen = "";
  console.onData((bytes) => {
    seen += Buffer.from(bytes).toString();
  });
  await waitFor(() => expect(seen).toBe("hello\nworld\n"));
  console.send(Buffer.from("ls\n"));
  await waitFor(() => expect(backend.guest(domain.uuid).input).toBe("ls\n"));
  backend.guest(domain.uuid).end("poweroff");
  expect(await console.closed).toEqual({ clean: true, reason: "the domain has ended" });
  console.send(Buffer.from("nobody hears this"));
  await client.deleteDomain("c");
});

async function withServer(listener: RequestListener, use: (client: PvhClient) => Promise<void>) {
  const path = join(folder, "other.sock");
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(path, done));
  try {
    await use(new PvhClient(path));
  } finally {
    await new Promise((done) => server.close(done));
  }
}

test("without a daemon every call says so", async () => {
  const nobody = new PvhClient(join(folder, "absent.sock"));
  for (const call of [nobody.listDomains(), nobody.getDomain("a"), nobody.openConsole("a")]) {
    await expect(call).rejects.toMatchObject({
      code: "DAEMON_UNREACHABLE",
      message: expect.stringMatching(/^No pvhd listens on .*absent.sock; start it/),
    });
  }
});

test("a server that is not pvhd, or hangs up, is told apart from an answer", async () => {
  const html: RequestListener = (_request, response) => response.end("<html>");
  await withServer(html, (other) =>
    expect(other.listDomains()).rejects.toMatchObject({
      code: "DAEMON_UNREACHABLE",
      message: expect.stringMatching(/not this version's pvhd \(HTTP status 200/),
    }),
  );
  const garbled: RequestListener = (_request, response) =>
    response.setHeader("content-type", "application/json").end("[");
  await withServer(garbled, (other) =>
    expect(other.listDomains()).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" }),
  );
  const hangUp: RequestListener = (request) => request.socket.destroy();
  await withServer(hangUp, (other) =>
    expect(other.createDomain(guest("a"))).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" }),
  );
  const half: RequestListener = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": 100 });
    response.write("[", () => response.destroy());
  };
  await withServer(half, (other) =>
    expect(other.listDomains()).rejects.toMatchObject({ code: "DAEMON_UNREACHABLE" }),
  );
});

test("a call loads neither fetch nor WebSocket, which take longer than all the rest", () => {
  const script = `
    const { PvhClient } = await import("@pvh/client");
    const code = await new PvhClient("/nonexistent").listDomains().catch((error) => error.code);
    const loaded = process.moduleLoadList.filter((name) => name.includes("undici/undici"));
    console.log(JSON.stringify({ code, loaded }));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    cwd: import.meta.dirname,
    timeout: 20_000,
  });
  expect(JSON.parse(output)).toEqual({ code: "DAEMON_UNREACHABLE", loaded: [] });
});
