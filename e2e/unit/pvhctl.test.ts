import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Domain, PvhClient } from "@pvh/client";
import { SimulatorBackend, startDaemon } from "@pvh/daemon";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { program } from "../../apps/cli/src/program.ts";

/** The commands that steer live domains, against a daemon in this process whose domains are simulated. */

const folder = mkdtempSync(join(tmpdir(), "pvh-cli-"));
const socket = join(folder, "pvhd.sock");
const kernel = join(folder, "kernel");
const backend = new SimulatorBackend();
const client = new PvhClient(socket);
let stop: () => Promise<void>;
let domain: Domain;

beforeAll(async () => {
  writeFileSync(kernel, "");
  stop = await startDaemon({ socket, stateDir: join(folder, "state") }, backend, () => {});
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  const limits = { memory: 64, maxmem: 128, maxvcpus: 4 };
  domain = (await client.createDomain({ name: "g", type: "pvh", kernel, ...limits })).domain;
});
afterEach(() => client.deleteDomain("g"));

/** What the command prints. */
async function pvhctl(...args: string[]): Promise<string> {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await program().parseAsync(["node", "pvhctl", "--socket", socket, ...args]);
  } finally {
    write.mockRestore();
  }
  return text;
}

const guest = () => backend.guest(domain.uuid);

test("memory and vCPUs are told and shown", async () => {
  expect(await pvhctl("mem-set", "g", "128m")).toBe("g is told to have 128 MiB, has 128\n");
  expect(await pvhctl("vcpu-set", `${domain.domid}`, "3")).toBe("g is told to have 3 vCPUs online, has 3\n");
  const shown = await pvhctl("show", "g");
  expect(shown).toMatch(/^memory +64 MiB, now 128$/m);
  expect(shown).toMatch(/^vcpus +1, now 3 of 4$/m);
  expect(shown).toMatch(new RegExp(`^domid +${domain.domid}$`, "m"));
  expect(JSON.parse(await pvhctl("mem-set", "g", "96", "-o", "json"))).toMatchObject({ memory_now: 96 });
});

test("how a guest crashed is shown", async () => {
  guest().end("triple-fault", {
    detail: "no handler",
    lastConsoleLine: "going",
    report: { vcpu: 1, rip: "0x10", registers: { rax: "0x7", rip: "0x10" }, lastExits: ["hlt at 0x8"] },
  });
  await vi.waitFor(async () => expect((await client.getDomain("g")).exit).toBeDefined());
  const shown = await pvhctl("show", "g");
  expect(shown).toMatch(/^exit +triple-fault at .*: no handler$/m);
  expect(shown).toMatch(/^last line +going$/m);
  expect(shown).toMatch(
    /^vCPU 1 at the end\nrax +0x7 +rip +0x10\ncode +not readable\n\n.*\n {2}hlt at 0x8$/m,
  );
});

test("what the config does not allow, or nobody understands, is an error", async () => {
  await expect(pvhctl("mem-set", "g", "1g")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(pvhctl("mem-set", "g", "much")).rejects.toMatchObject({ code: "USAGE" });
  await expect(pvhctl("vcpu-set", "g", "5")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(pvhctl("vcpu-set", "g", "-1")).rejects.toThrow();
  await expect(pvhctl("sysrq", "g", "hh")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  await expect(pvhctl("block-attach", "g", "disk.img")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(pvhctl("block-detach", "g", "xvdz")).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND" });
});

test("a SysRq key reaches the guest", async () => {
  expect(await pvhctl("sysrq", "g", "h")).toBe("g is running\n");
  expect(guest().keys).toBe("h");
});

test("a disk's text may be in parts, and its path starts at the working folder", async () => {
  expect(await pvhctl("block-attach", "g", "disk.img", "raw", "xvdb", "r")).toBe("xvdb is connected\n");
  const [header, row] = (await pvhctl("block-list", "g")).split("\n");
  expect(header?.split(/ +/)).toEqual(["Vdev", "Id", "Access", "State", "Target"]);
  expect(row?.split(/ +/)).toEqual(["xvdb", "51728", "r", "connected", resolve("disk.img")]);
  expect(await pvhctl("network-list", "g")).not.toContain("xvdb");
  await pvhctl("block-detach", "g", "xvdb", "--force");
  expect(JSON.parse(await pvhctl("block-list", "g", "-o", "json"))).toEqual([]);
});

test("an interface goes by its number or its MAC", async () => {
  await pvhctl("network-attach", "g");
  expect(await pvhctl("network-attach", "g", "mac=00:16:3e:00:00:0a", "bridge=br0")).toContain(
    "00:16:3e:00:00:0a",
  );
  expect((await pvhctl("network-list", "g")).split("\n")[2]).toMatch(
    /^1 +00:16:3e:00:00:0a +\S+ +br0 +connected$/,
  );
  await pvhctl("network-detach", "g", "0");
  await pvhctl("network-detach", "g", "00:16:3E:00:00:0A", "-f");
  expect(guest().devices).toEqual([]);
});

test("shutdown -w and reboot -w come back when the guest has done it", async () => {
  const reboot = pvhctl("reboot", "g", "-w");
  await vi.waitFor(() => expect(guest().state).toBe("shutting-down"));
  guest().end("reboot");
  expect(await reboot).toBe("g is running\n");
  const again = await client.getDomain("g");
  expect(again).toMatchObject({ uuid: domain.uuid, restarts: 1 });
  expect(again.domid).not.toBe(domain.domid);

  const shutdown = pvhctl("shutdown", "g", "-w", "-o", "json");
  await vi.waitFor(() => expect(guest().state).toBe("shutting-down"));
  guest().end("poweroff");
  expect(JSON.parse(await shutdown)).toMatchObject({ state: "shutdown", exit: { reason: "poweroff" } });
  expect(await pvhctl("list")).toMatch(/^g +- +\S+ +64 +1 +\S+ +shutdown +poweroff$/m);
});
