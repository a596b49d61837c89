import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { type Domain, PvhClient } from "@pvh/client";
import { SimulatorBackend, startDaemon } from "@pvh/daemon";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { program } from "../../apps/cli/src/program.ts";
import { waitFor } from "../support/wait-for.ts";

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
afterEach(async () => {
  backend.foreign = [];
  for (const { uuid } of await client.listDomains()) await client.deleteDomain(uuid);
});

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
  await waitFor(async () => expect((await client.getDomain("g")).exit).toBeDefined());
  const shown = await pvhctl("show", "g");
  expect(shown).toMatch(/^exit +triple-fault at .*: no handler$/m);
  expect(shown).toMatch(/^last line +going$/m);
  expect(shown).toMatch(
    /^vCPU 1 at the end\nrax +0x7 +rip +0x10\ncode +not readable\n\n.*\n {2}hlt at 0x8$/m,
  );
});

test("a report without exits, and a core dump, are shown", async () => {
  guest().end("crash", {
    report: { vcpu: 0, rip: "0x10", registers: { rip: "0x10" }, lastExits: [] },
    coreDump: "/dump/g",
  });
  await waitFor(async () => expect((await client.getDomain("g")).exit).toBeDefined());
  const shown = await pvhctl("show", "g");
  expect(shown).toMatch(/^core dump +\/dump\/g$/m);
  expect(shown).toMatch(/\ncode +not readable\n$/);
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

test("mem-max says how far mem-set can go", async () => {
  expect(await pvhctl("mem-max", "g", "1g")).toBe("g can be told to have up to 1024 MiB\n");
  expect(await pvhctl("mem-set", "g", "1g")).toBe("g is told to have 1024 MiB, has 1024\n");
  expect(await pvhctl("show", "g")).toMatch(/^maxmem +128 MiB, now 1024$/m);
  await expect(pvhctl("mem-max", "g", "512m")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("vCPUs are pinned in xl's words", async () => {
  const printed = await pvhctl("vcpu-pin", "g", "all", "0-3,^2");
  expect(printed.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["VCPU", "CPUs", "Soft"],
    ...["0", "1", "2", "3"].map((vcpu) => [vcpu, "0-3,^2", "all"]),
    [""],
  ]);
  await pvhctl("vcpu-pin", "g", "1", "-", "0");
  await pvhctl("vcpu-pin", "g", "2", "1", "-");
  expect(guest().affinity).toEqual([
    { cpus: "0-3,^2", cpusSoft: "all" },
    { cpus: "0-3,^2", cpusSoft: "0" },
    { cpus: "1", cpusSoft: "all" },
    { cpus: "0-3,^2", cpusSoft: "all" },
  ]);
  expect(await pvhctl("show", "g")).toMatch(/^cpus +0: 0-3,\^2, 1: 0-3,\^2 \(soft 0\), 2: 1, 3: 0-3,\^2$/m);
  await expect(pvhctl("vcpu-pin", "g", "x", "0")).rejects.toMatchObject({ code: "USAGE" });
  await expect(pvhctl("vcpu-pin", "g", "all", "-")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  await expect(pvhctl("vcpu-pin", "g", "all", "3-1")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("the share of the processors is set and shown, as with xl's sched-credit2", async () => {
  expect(await pvhctl("sched", "g", "-w", "512", "-c", "50")).toMatch(/^g +\d+ +512 +50$/m);
  expect(await pvhctl("sched-credit2", "-d", "g", "-w", "128")).toMatch(/^g +\d+ +128 +50$/m);
  expect(await pvhctl("sched-credit", "-d", "g", "-c", "0")).toMatch(/^g +\d+ +128 +0$/m);
  expect(await pvhctl("sched")).toMatch(/^Name +ID +Weight +Cap\ng +\d+ +128 +0\n$/);
  expect(JSON.parse(await pvhctl("sched", "g", "-o", "json"))).toMatchObject({ cpu_weight: 128 });
  const shown = await pvhctl("show", "g");
  expect(shown).toMatch(/^weight +128$/m);
  expect(shown).toMatch(/^cap +none$/m);
  expect(shown).toMatch(/^cpus +all$/m);
  await expect(pvhctl("sched", "-w", "1")).rejects.toMatchObject({ code: "USAGE" });
  await expect(pvhctl("sched", "g", "-w", "x")).rejects.toMatchObject({ code: "USAGE" });
  await expect(pvhctl("sched", "g", "-c", "401")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("triggers go to a vCPU", async () => {
  expect(await pvhctl("trigger", "g", "nmi")).toBe("g is running\n");
  await pvhctl("trigger", "g", "init", "3");
  expect(guest().triggers).toEqual(["nmi 0", "init 3"]);
  await expect(pvhctl("trigger", "g", "sleep")).rejects.toMatchObject({ code: "USAGE" });
  await expect(pvhctl("trigger", "g", "reset")).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
});

test("a domain gets another name", async () => {
  expect(await pvhctl("rename", `${domain.domid}`, "web")).toBe(`${domain.domid} is web now\n`);
  expect(guest().name).toBe("web");
  await expect(pvhctl("show", "g")).rejects.toMatchObject({ code: "DOMAIN_NOT_FOUND" });
});

test("a domain's memory goes to a file, whose path starts at the working folder", async () => {
  const file = join(folder, "core");
  expect(await pvhctl("dump-core", "g", relative(process.cwd(), file))).toBe(
    `the memory of g is in ${file}\n`,
  );
  expect(readFileSync(file, "utf8")).toBe("memory of g");
  await expect(pvhctl("dump-core", "g", file)).rejects.toMatchObject({ code: "FILE_EXISTS" });
});

test("uptime is told of all live domains, or of some", async () => {
  expect(await pvhctl("uptime")).toMatch(/^Name +ID +Uptime\ng +\d+ +0:00:0\d\n$/);
  expect(await pvhctl("uptime", "-s", "g")).toMatch(/^ \d\d:\d\d:\d\d up {2}0:00, g \(\d+\)\n$/);
  const [{ name, seconds }] = JSON.parse(await pvhctl("uptime", "g", "-o", "json"));
  expect([name, seconds]).toEqual(["g", expect.any(Number)]);
  await pvhctl("destroy", "g", "--keep");
  expect(await pvhctl("uptime")).toBe("Name  ID  Uptime\n");
  await expect(pvhctl("uptime", "g")).rejects.toMatchObject({ code: "DOMAIN_STATE" });
});

test("list --all shows the domains of others, which no command touches", async () => {
  const uuid = "00000000-0000-0000-0000-000000000000";
  const dom0 = { uuid, domid: 0, name: "Domain-0", state: "running", memory: 2560, vcpus: 1 } as const;
  const nameless = { ...dom0, uuid: uuid.replace(/0$/, "5"), domid: 5, name: "" };
  backend.foreign = [dom0, { ...nameless, name: "\x1b[2J" }, nameless];
  expect(await pvhctl("list")).not.toContain("Domain-0");
  const all = await pvhctl("list", "--all");
  expect(all).toMatch(/^g +\d+ .* running$/m);
  expect(all).toMatch(/^Domain-0 +0 +0{8}-\S+ +2560 +1 +- +running,foreign$/m);
  expect(all).toMatch(/^- +5 /m);
  expect(all).not.toContain("\x1b");
  expect((await pvhctl("list", "-a", "Domain-0")).split("\n")).toHaveLength(3);
  expect((await pvhctl("list", "-a", "g")).split("\n")).toHaveLength(3);
  await expect(pvhctl("list", "-a", "none")).rejects.toMatchObject({ code: "DOMAIN_NOT_FOUND" });
  for (const command of [["destroy"], ["pause"], ["mem-set", "64"], ["console"]]) {
    const [verb = "", ...rest] = command;
    await expect(pvhctl(verb, "Domain-0", ...rest)).rejects.toMatchObject({
      code: "DOMAIN_NOT_FOUND",
      message: expect.stringContaining(`; xl ${verb} 0 does what you want`),
    });
  }
});

test("a preserved domain is shown as such, and create does not take its place", async () => {
  const config = join(folder, "p.cfg");
  const uuid = "00000000-0000-0000-0000-000000000077";
  writeFileSync(config, `name="p"; type="pvh"; kernel="${kernel}"; uuid="${uuid}"; on_crash="preserve"`);
  await pvhctl("create", config, "-q");
  backend.guest(uuid).end("crash");
  await waitFor(async () => expect((await client.getDomain("p")).state).toBe("crashed"));
  expect(await pvhctl("list", "p")).toMatch(/^p +\d+ .* crashed,preserved +crash$/m);
  expect(await pvhctl("show", "p")).toMatch(/^state +crashed, preserved$/m);
  await expect(pvhctl("create", config)).rejects.toMatchObject({
    code: "DOMAIN_UUID_TAKEN",
    message: expect.stringMatching(/which is crashed and preserved; destroy it first/),
  });
  expect(backend.remaining()).toEqual([uuid]);
  await pvhctl("destroy", "p");
  expect(backend.remaining()).toEqual([]);
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
  expect(guest().devices.list).toEqual([]);
});

test("shutdown -w and reboot -w come back when the guest has done it", async () => {
  const reboot = pvhctl("reboot", "g", "-w");
  await waitFor(() => expect(guest().state).toBe("shutting-down"));
  guest().end("reboot");
  expect(await reboot).toBe("g is running\n");
  const again = await client.getDomain("g");
  expect(again).toMatchObject({ uuid: domain.uuid, restarts: 1 });
  expect(again.domid).not.toBe(domain.domid);

  const shutdown = pvhctl("shutdown", "g", "-w", "-o", "json");
  await waitFor(() => expect(guest().state).toBe("shutting-down"));
  guest().end("poweroff");
  expect(JSON.parse(await shutdown)).toMatchObject({ state: "shutdown", exit: { reason: "poweroff" } });
  expect(await pvhctl("list")).toMatch(/^g +- +\S+ +64 +1 +\S+ +shutdown +poweroff$/m);
});

test("domains are put into files, and taken out again", async () => {
  const file = join(folder, "saved");
  const relativeFile = relative(process.cwd(), file);
  expect(await pvhctl("save", "-c", "g", `${relativeFile}1`)).toBe(`g is saved to ${file}1 and goes on\n`);
  expect(await pvhctl("save", "-p", "g", `${file}2`)).toBe(`g is saved to ${file}2 and paused\n`);
  expect(await pvhctl("save", "g", file)).toBe(`g is saved to ${file}\n`);
  expect(await pvhctl("list")).toMatch(/^g .* shutdown +suspend$/m);
  const { uuid } = domain;
  expect(await pvhctl("restore", "-p", "-n", "h", relativeFile)).toBe(`h is paused, uuid ${uuid}\n`);
  await pvhctl("save", "h", `${file}3`);
  expect(JSON.parse(await pvhctl("restore", file, "-o", "json"))).toMatchObject({ uuid, name: "g" });
  await expect(pvhctl("restore", "-c", file, "-o", "json")).rejects.toMatchObject({ code: "USAGE" });
});
