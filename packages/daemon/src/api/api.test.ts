import { readFileSync } from "node:fs";
import type { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { type HostDomain, unsupported } from "../backend.ts";
import { TestDaemon } from "../daemon.testing.ts";
import { eventually } from "../eventually.testing.ts";
import { createApp } from "./app.ts";
import { DocumentedAnswers } from "./documented.testing.ts";

const documented = new DocumentedAnswers();
let daemon: TestDaemon;
let app: FastifyInstance;
let log: string[];

beforeEach(async () => {
  daemon = await new TestDaemon().start();
  log = [];
  app = await createApp(
    daemon.domains,
    (line) => log.push(line),
    (early) => documented.watch(early),
  );
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await daemon[Symbol.asyncDispose]();
});

const uuid = "00000000-0000-0000-0000-000000000001";
const dom0: HostDomain = {
  uuid: "00000000-0000-0000-0000-000000000000",
  domid: 0,
  name: "Domain-0",
  state: "running",
  memory: 2560,
  vcpus: 1,
};

function guest(changes: Partial<GuestConfig> & { start_paused?: boolean } = {}) {
  return { name: "guest", type: "pvh", kernel: daemon.kernel, memory: 64, ...changes };
}

const create = (payload: object = guest()) => app.inject({ method: "POST", url: "/domains", payload });
const get = (url: string) => app.inject({ method: "GET", url });
const post = (url: string) => app.inject({ method: "POST", url });
const remove = (url: string) => app.inject({ method: "DELETE", url });
const headers = { "content-type": "application/json" };
const send = (url: string, body: unknown) =>
  app.inject({ method: "POST", url, payload: JSON.stringify(body), headers });
const patch = (body: unknown, id = "guest") =>
  app.inject({ method: "PATCH", url: `/domains/${id}`, payload: JSON.stringify(body), headers });

test("POST creates and starts a domain", async () => {
  const response = await create();
  expect(response.statusCode).toBe(201);
  const domain = response.json();
  expect(response.headers.location).toBe(`/domains/${domain.uuid}`);
  expect(domain).toMatchObject({ name: "guest", state: "running", memory: 64, vcpus: 1, restarts: 0 });
  expect(domain.config).toMatchObject({ uuid: domain.uuid, on_reboot: "restart" });
  expect(domain.stages[0]).toEqual({ name: "inspect", ms: 0.25 });
  expect((await get(`/domains/${domain.uuid}`)).json()).toEqual(domain);
  expect((await get("/domains/guest")).json()).toEqual(domain);
});

test("any uuid that xl takes is one here too, and names the domain in either case", async () => {
  expect((await create(guest({ uuid: "ABCDEF01-0123-0123-0123-0123456789ab" }))).statusCode).toBe(201);
  const response = await get("/domains/abcdef01-0123-0123-0123-0123456789AB");
  expect(response.json().uuid).toBe("abcdef01-0123-0123-0123-0123456789ab");
});

test("POST with the same uuid and config gives the existing domain, with another one a conflict", async () => {
  const first = await create(guest({ uuid }));
  const again = await create(guest({ uuid }));
  expect(again.statusCode).toBe(200);
  expect(again.json()).toEqual(first.json());
  const other = await create(guest({ uuid, memory: 128 }));
  expect(other.statusCode).toBe(409);
  expect(other.json()).toMatchObject({ code: "DOMAIN_UUID_TAKEN", field: "uuid", found: uuid });
});

test("a taken name is a conflict that names who has it", async () => {
  const { uuid: holder } = (await create()).json();
  const response = await create();
  expect(response.statusCode).toBe(409);
  expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(response.json()).toMatchObject({
    code: "DOMAIN_NAME_TAKEN",
    detail: expect.stringContaining(holder),
  });
});

test.each([
  [{ memory: 64 }, "name", "CONFIG_INVALID"],
  [{ memory: -1 }, "memory", "CONFIG_INVALID"],
  [{ kernel: "vmlinux" }, "kernel", "CONFIG_INVALID"],
  [{ ramdisk: "./initrd" }, "ramdisk", "CONFIG_INVALID"],
  [{ disk: ["/a,raw,xvda", "b.img,raw,xvdb"] }, "disk[1].target", "CONFIG_INVALID"],
  [{ start_paused: 1 }, "start_paused", "CONFIG_INVALID"],
  [{ memroy: 64 }, "memroy", "CONFIG_KEY_UNKNOWN"],
  [{ device_tree: "a" }, "device_tree", "CONFIG_KEY_UNSUPPORTED"],
  [{ kernel: "/nonexistent/kernel" }, "kernel", "FILE_UNREADABLE"],
])("a body with %j is refused for %s", async (change, field, code) => {
  const { name, ...rest } = guest();
  const response = await create({ ...rest, ...(field === "name" ? {} : { name }), ...change });
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({ code, field });
  expect((await get("/domains")).json()).toEqual([]);
});

test.each([
  ['{"name": }', { code: "REQUEST_INVALID", offset: 9, line: 1, column: 10 }],
  ["[]", { code: "REQUEST_INVALID", found: "an array" }],
  ["", { code: "REQUEST_INVALID", found: "empty" }],
])("the body %j is refused", async (payload, problem) => {
  const response = await app.inject({ method: "POST", url: "/domains", payload, headers });
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject(problem);
});

test.each(["[".repeat(100_000) + "]".repeat(100_000), JSON.stringify("x".repeat(1_000_000))])(
  "a start_paused of many bytes is refused in a few words",
  async (value) => {
    const payload = `{"name":"x","type":"pvh","kernel":"/k","start_paused":${value}}`;
    const response = await app.inject({ method: "POST", url: "/domains", payload, headers });
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({ code: "CONFIG_INVALID", field: "start_paused" });
    expect(response.body.length).toBeLessThan(1000);
  },
);

test("a body that is too large, or not JSON, is refused", async () => {
  const large = await app.inject({
    method: "POST",
    url: "/domains",
    payload: " ".repeat((1 << 20) + 1),
    headers,
  });
  expect(large.statusCode).toBe(413);
  expect(large.json()).toMatchObject({ code: "REQUEST_TOO_LARGE", allowed: "1048576" });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const text = await app.inject({ method: "POST", url: "/domains", payload: "{}", headers: form });
  expect(text.statusCode).toBe(415);
  expect(text.json()).toMatchObject({
    code: "REQUEST_MEDIA_TYPE",
    detail: expect.stringMatching(/application\/json/),
  });
});

test("a key like __proto__ is an unknown key, and nothing else", async () => {
  const payload = `{"name":"x","type":"pvh","kernel":"/k","__proto__":{"memory":1}}`;
  const response = await app.inject({ method: "POST", url: "/domains", payload, headers });
  expect(response.json()).toMatchObject({ code: "CONFIG_KEY_UNKNOWN", field: "__proto__" });
});

test.each([
  ["HOST_UNSUPPORTED", 501],
  ["HOST_KVM_MISSING", 503],
  ["HOST_MEMORY", 507],
  ["VMM_DIED", 500],
])("a start that fails with %s answers %d and leaves nothing", async (code, status) => {
  const response = await create(guest({ cmdline: `fail=${code}` }));
  expect(response.statusCode).toBe(status);
  expect(response.json()).toMatchObject({ code, status });
  expect((await get("/domains")).json()).toEqual([]);
});

test("GET /domains is flat, small and in order of creation, whatever the config holds", async () => {
  for (const name of ["guest-0003", "guest-0001", "guest-0002"]) {
    expect((await create(guest({ name, pvh_abi: "classic", cmdline: "x".repeat(5000) }))).statusCode).toBe(
      201,
    );
  }
  const response = await get("/domains");
  const list = response.json();
  expect(list.map(({ name }: { name: string }) => name)).toEqual(["guest-0003", "guest-0001", "guest-0002"]);
  expect(response.body.length / list.length).toBeLessThanOrEqual(200);
});

test("an ended domain says how it ended", async () => {
  const { uuid: id } = (await create(guest({ on_crash: "destroy" }))).json();
  const report = { vcpu: 0, rip: "0x10", registers: { rax: "0x0" }, lastExits: ["hlt at 0x10"] };
  daemon.backend.guest(id).end("triple-fault", { report, lastConsoleLine: "oops" });
  await eventually(async () => expect((await get("/domains/guest")).json().state).toBe("crashed"));
  expect((await get("/domains")).json()[0].exit).toEqual({ reason: "triple-fault", at: expect.any(String) });
  expect((await get("/domains/guest")).json().exit).toMatchObject({
    reason: "triple-fault",
    last_console_line: "oops",
    report: { rip: "0x10", last_exits: ["hlt at 0x10"] },
  });
});

test("actions answer with the domain as it is then", async () => {
  await create(guest({ start_paused: true }));
  expect((await post("/domains/guest/unpause")).json()).toMatchObject({ state: "running" });
  expect((await post("/domains/guest/pause")).json()).toMatchObject({ state: "paused" });
  expect((await post("/domains/guest/reboot")).json()).toMatchObject({ state: "shutting-down" });
  expect((await post("/domains/guest/shutdown")).json()).toMatchObject({ state: "shutting-down" });
  const { pid, ...destroyed } = (await post("/domains/guest/destroy")).json();
  expect(destroyed).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
  expect(pid).toBeUndefined();
  for (const action of ["pause", "unpause", "shutdown", "reboot", "destroy"]) {
    const refused = await post(`/domains/guest/${action}`);
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: "DOMAIN_STATE", found: "destroyed" });
  }
});

test("an action on a domain that ends meanwhile is a conflict, not a defect", async () => {
  const { uuid: id } = (await create()).json();
  vi.spyOn(daemon.backend.guest(id), "pauses").mockImplementation(() => daemon.backend.guest(id).kill());
  const response = await post("/domains/guest/pause");
  expect(response.statusCode).toBe(409);
  expect(response.json()).toMatchObject({ code: "DOMAIN_STATE", found: "crashed" });
});

test("DELETE ends and forgets", async () => {
  await create();
  const response = await app.inject({ method: "DELETE", url: "/domains/guest" });
  expect(response.statusCode).toBe(204);
  expect(response.body).toBe("");
  expect((await get("/domains")).json()).toEqual([]);
  expect(daemon.backend.running()).toEqual([]);
});

test("a live domain has a domid, by which it can be named; an ended one has none", async () => {
  await create(guest({ name: "first" }));
  const { uuid: id, domid } = (await create()).json();
  expect(domid).toBe(2);
  expect((await get("/domains/2")).json().uuid).toBe(id);
  expect((await get("/domains")).json()).toMatchObject([{ domid: 1 }, { domid: 2 }]);
  await post("/domains/2/destroy");
  expect((await get("/domains/2")).statusCode).toBe(404);
  expect((await get("/domains/guest")).json().domid).toBeUndefined();
});

test("memory and vCPUs of a live domain are changed within its config's limits", async () => {
  await create(guest({ maxmem: 128, maxvcpus: 4 }));
  expect((await get("/domains/guest")).json()).toMatchObject({
    memory_now: 64,
    vcpus_online: 1,
    vcpus_max: 4,
  });
  const changed = await patch({ memory: 128, vcpus: 3 });
  expect(changed.statusCode).toBe(200);
  expect(changed.json()).toMatchObject({ memory: 64, memory_now: 128, vcpus: 1, vcpus_online: 3 });
  // Neither of the two, when one is wrong.
  const refused = await patch({ memory: 100, vcpus: 5 });
  expect(refused.statusCode).toBe(422);
  expect(refused.json()).toMatchObject({ code: "CONFIG_INVALID", field: "vcpus", found: "5" });
  expect((await get("/domains/guest")).json()).toMatchObject({ memory_now: 128, vcpus_online: 3 });
  await post("/domains/guest/destroy");
  expect((await patch({ memory: 64 })).json()).toMatchObject({ code: "DOMAIN_STATE", status: 409 });
  const ended = (await get("/domains/guest")).json();
  expect(ended).toMatchObject({ vcpus_max: 4 });
  expect([ended.memory_now, ended.devices]).toEqual([undefined, undefined]);
});

test("how far memory can go, and the share of the processors, are changed and shown", async () => {
  await create(guest({ maxmem: 128, vcpus: 2, cpu_weight: 128, cpus: "0-3,^2", cpus_soft: ["0"] }));
  expect((await get("/domains/guest")).json()).toMatchObject({
    maxmem_now: 128,
    cpu_weight: 128,
    cap: 0,
    affinity: [
      { cpus: "0-3,^2", cpus_soft: "0" },
      { cpus: "0-3,^2", cpus_soft: "all" },
    ],
  });
  const changed = await patch({ maxmem: 256, memory: 192, cpu_weight: 512, cap: 150 });
  expect(changed.json()).toMatchObject({ memory_now: 192, maxmem_now: 256, cpu_weight: 512, cap: 150 });
  expect((await patch({ memory: 257 })).json()).toMatchObject({ code: "CONFIG_INVALID", field: "memory" });
  expect((await patch({ maxmem: 100 })).json()).toMatchObject({ code: "CONFIG_INVALID", field: "maxmem" });
  expect((await patch({ cap: 201 })).json()).toMatchObject({ code: "CONFIG_INVALID", field: "cap" });
  expect((await patch({ cpu_weight: 0 })).json()).toMatchObject({
    code: "CONFIG_INVALID",
    field: "cpu_weight",
  });
  expect((await get("/domains/guest")).json()).toMatchObject({ maxmem_now: 256, cap: 150 });
});

test("a change that the backend does not know changes nothing else", async () => {
  const { uuid: id } = (await create(guest({ maxvcpus: 2 }))).json();
  vi.spyOn(daemon.backend.guest(id), "share", "set").mockImplementation(() => {
    throw unsupported("kvm", "share out processor time", "use the host's means");
  });
  const refused = await patch({ vcpus: 2, memory: 32, cap: 50 });
  expect(refused.statusCode).toBe(501);
  expect(refused.json()).toMatchObject({ code: "HOST_UNSUPPORTED", field: "backend", found: "kvm" });
  expect((await get("/domains/guest")).json()).toMatchObject({ vcpus_online: 1, memory_now: 64 });
});

test("a preserved domain is listed with its domid, and says so", async () => {
  const { uuid: id, domid } = (await create(guest({ on_crash: "preserve" }))).json();
  daemon.backend.guest(id).end("crash");
  await eventually(async () => expect((await get("/domains/guest")).json().state).toBe("crashed"));
  const summary = (await get("/domains")).json()[0];
  expect(summary).toMatchObject({ state: "crashed", preserved: true, domid, exit: { reason: "crash" } });
  expect((await post(`/domains/${domid}/pause`)).statusCode).toBe(409);
  expect((await post("/domains/guest/destroy")).json().preserved).toBeUndefined();
});

test("where a core dump is, is told", async () => {
  const { uuid: id } = (await create(guest({ on_crash: "coredump-destroy" }))).json();
  daemon.backend.guest(id).end("crash");
  await eventually(async () => expect((await get("/domains/guest")).json().state).toBe("crashed"));
  expect((await get("/domains/guest")).json().exit.core_dump).toMatch(/\/dump\/guest-\d{8}T\d{4}Z$/);
});

test("domains of others are listed on request", async () => {
  await create();
  daemon.backend.foreign = [dom0];
  expect((await get("/domains")).json()).toHaveLength(1);
  for (const all of ["1", "true"]) {
    expect((await get(`/domains?all=${all}`)).json()).toMatchObject([
      { name: "guest" },
      { ...dom0, foreign: true },
    ]);
  }
  expect((await get("/domains?all=0")).json()).toHaveLength(1);
  expect((await get("/domains?all=yes")).json()).toMatchObject({ code: "REQUEST_INVALID", field: "all" });
});

test("a domain of others is not touched, and who asks for it is told xl's command", async () => {
  daemon.backend.foreign = [dom0];
  const requests = [
    [await get("/domains/0"), "list -l"],
    [await get("/domains/Domain-0/console/log"), "console"],
    [await get(`/domains/${dom0.uuid.toUpperCase()}/devices`), "block-list"],
    [await post("/domains/0/destroy"), "destroy"],
    [await remove("/domains/Domain-0"), "destroy"],
    [await patch({ memory: 64 }, "0"), "mem-set"],
    [await send("/domains/0/sysrq", { key: "h" }), "sysrq"],
    [await send("/domains/0/vifs", {}), "network-attach"],
  ] as const;
  for (const [response, command] of requests) {
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({
      code: "DOMAIN_NOT_FOUND",
      detail: expect.stringMatching(
        new RegExp(`is domain 0 \\(Domain-0\\) of this host, which is not pvhd's, .*; xl ${command} 0 does`),
      ),
    });
  }
  expect((await get("/domains/9")).json().detail).toMatch(/There is no domain/);
});

test("a domain of ours comes before one of others that has its name", async () => {
  daemon.backend.foreign = [{ ...dom0, name: "guest", domid: 7 }];
  expect((await create()).json()).toMatchObject({ code: "DOMAIN_NAME_TAKEN" });
  daemon.backend.foreign = [];
  await create();
  daemon.backend.foreign = [{ ...dom0, name: "guest", domid: 7 }];
  expect((await get("/domains/guest")).statusCode).toBe(200);
  expect((await post("/domains/guest/destroy")).statusCode).toBe(200);
});

test.each([
  [{}, "REQUEST_INVALID", "body"],
  [[], "REQUEST_INVALID", "body"],
  [{ name: "x" }, "REQUEST_INVALID", "name"],
  [{ memory: "64" }, "CONFIG_INVALID", "memory"],
  [{ memory: 1.5 }, "CONFIG_INVALID", "memory"],
  [{ vcpus: null }, "CONFIG_INVALID", "vcpus"],
  [{ memory: 65 }, "CONFIG_INVALID", "memory"],
])("a change of %j is refused", async (body, code, field) => {
  await create();
  expect((await patch(body)).json()).toMatchObject({ code, field });
});

test("a SysRq key is one printable character", async () => {
  const { uuid: id } = (await create()).json();
  expect((await send("/domains/guest/sysrq", { key: "h" })).statusCode).toBe(200);
  for (const body of [{ key: "hh" }, { key: "" }, {}, "h"]) {
    const response = await send("/domains/guest/sysrq", body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: "REQUEST_INVALID" });
  }
  expect(daemon.backend.guest(id).keys).toBe("h");
  await post("/domains/guest/destroy");
  expect((await send("/domains/guest/sysrq", { key: "h" })).statusCode).toBe(409);
});

test("what ends a guest at once has done what was asked for", async () => {
  const { uuid: id } = (await create(guest({ on_reboot: "destroy" }))).json();
  const simulated = daemon.backend.guest(id);
  Object.defineProperty(simulated, "keys", { set: () => simulated.end("reboot"), get: () => "" });
  const response = await send("/domains/guest/sysrq", { key: "b" });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toMatchObject({ state: "shutdown", exit: { reason: "reboot" } });
});

test("devices come as text or object, are listed, and go", async () => {
  await create();
  const xvda = await send("/domains/guest/disks", "/img,raw,xvda,r");
  expect(xvda.statusCode).toBe(201);
  expect(xvda.json()).toMatchObject({ kind: "vbd", id: 51712, name: "xvda", target: "/img", readonly: true });
  expect((await send("/domains/guest/disks", { target: "/b", vdev: "xvdb" })).statusCode).toBe(201);
  expect((await send("/domains/guest/vifs", "bridge=br0,mac=00:16:3e:0A:00:01")).statusCode).toBe(201);
  expect((await send("/domains/guest/vifs", {})).json()).toMatchObject({ kind: "vif", id: 1 });
  const { devices } = (await get("/domains/guest")).json();
  expect(devices.map(({ id }: { id: number }) => id)).toEqual([51712, 51728, 0, 1]);
  expect((await remove("/domains/guest/disks/51712?force=true")).statusCode).toBe(204);
  expect((await remove("/domains/guest/vifs/00-16-3E-0a-00-01")).statusCode).toBe(204);
  expect((await remove("/domains/guest/vifs/1")).statusCode).toBe(204);
  expect((await get("/domains/guest/devices")).json()).toMatchObject([{ name: "xvdb" }]);
  for (const url of ["/domains/guest/disks/xvdb?force=maybe", "/domains/guest/vifs/0?force=1"]) {
    expect((await remove(url)).json()).toMatchObject({ code: "REQUEST_INVALID", field: "force" });
  }
});

test("a device that is taken, absent or wrong is refused", async () => {
  await create();
  await send("/domains/guest/disks", "/img,raw,xvda");
  await send("/domains/guest/vifs", "devid=0");
  const disks = "/domains/guest/disks";
  const vifs = "/domains/guest/vifs";
  for (const [response, code, status] of [
    [await send(disks, "/img,raw,d0"), "DEVICE_TAKEN", 409],
    [await send(disks, "/fail/DISK_IN_USE,raw,xvdb"), "DISK_IN_USE", 409],
    [await send(disks, "img,raw,xvdb"), "CONFIG_INVALID", 422],
    [await send(disks, { vdev: "xvdb" }), "CONFIG_INVALID", 422],
    [await send(disks, 5), "CONFIG_INVALID", 422],
    [await send(vifs, "devid=0"), "DEVICE_TAKEN", 409],
    [await send(vifs, { devid: -1 }), "CONFIG_INVALID", 422],
    [await send(vifs, { colour: "red" }), "CONFIG_INVALID", 422],
    [await send(vifs, "bridge=fail"), "HOST_NETWORK", 503],
    [await remove(`${disks}/xvdb`), "DEVICE_NOT_FOUND", 404],
    [await remove(`${vifs}/3`), "DEVICE_NOT_FOUND", 404],
    [await remove(`${vifs}/00:16:3e:ff:ff:ff`), "DEVICE_NOT_FOUND", 404],
  ] as const) {
    expect(response.json()).toMatchObject({ code, status });
  }
  for (const url of [disks, vifs]) {
    expect((await app.inject({ method: "POST", url, payload: "{", headers })).statusCode).toBe(400);
  }
  await post("/domains/guest/destroy");
  for (const refused of [
    await get("/domains/guest/devices"),
    await send(disks, "/img,raw,xvdb"),
    await send(vifs, {}),
    await remove(`${disks}/xvda`),
    await remove(`${vifs}/0`),
  ]) {
    expect(refused.json()).toMatchObject({ code: "DOMAIN_STATE", status: 409 });
  }
});

test("what is not there is 404 everywhere", async () => {
  const requests = [
    ["GET", "/domains/none"],
    ["DELETE", "/domains/none"],
    ["GET", "/domains/none/console"],
    ...["pause", "unpause", "shutdown", "reboot", "destroy"].map((action) => [
      "POST",
      `/domains/none/${action}`,
    ]),
  ] as ["GET" | "POST" | "DELETE", string][];
  for (const [method, url] of requests) {
    const response = await app.inject({ method, url });
    expect(response.statusCode, url).toBe(404);
    expect(response.json()).toMatchObject({ code: "DOMAIN_NOT_FOUND", found: "none" });
  }
  for (const response of [
    await patch({ memory: 64 }, "none"),
    await send("/domains/none/sysrq", { key: "h" }),
    await send("/domains/none/disks", "/a,raw,xvda"),
    await send("/domains/none/vifs", ""),
    await remove("/domains/none/disks/xvda"),
    await remove("/domains/none/vifs/0"),
    await get("/domains/none/devices"),
  ]) {
    expect(response.json()).toMatchObject({ code: "DOMAIN_NOT_FOUND", status: 404, found: "none" });
  }
  const nowhere = await get("/nowhere");
  expect(nowhere.statusCode).toBe(404);
  expect(nowhere.json()).toMatchObject({ code: "REQUEST_PATH", found: "/nowhere" });
});

test("a method that a path does not take is 405 and names those that it takes", async () => {
  const response = await app.inject({ method: "PUT", url: "/domains" });
  expect(response.statusCode).toBe(405);
  expect(response.headers.allow).toBe("GET, HEAD, POST");
  expect(response.json()).toMatchObject({ code: "REQUEST_METHOD", allowed: "GET, HEAD, POST" });
  expect((await app.inject({ method: "DELETE", url: "/domains/a/pause" })).headers.allow).toBe("POST");
});

test("the console without an upgrade is 426", async () => {
  await create();
  const response = await get("/domains/guest/console");
  expect(response.statusCode).toBe(426);
  expect(response.json()).toMatchObject({ code: "REQUEST_UPGRADE" });
});

test("a path that cannot be decoded is a problem document too", async () => {
  const response = await get("/domains/%zz");
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ code: "REQUEST_INVALID" });
});

test("GET /host tells what the backend tells", async () => {
  expect((await get("/host")).json()).toEqual({
    backend: "simulator",
    usable: true,
    version: "1.0",
    memory_total: 2048,
    memory_available: 1024,
    cpupools: [{ name: "Pool-0", scheduler: "credit2", cpus: "all", domains: 0 }],
  });
});

test("the console log is what the guest printed, live and afterwards", async () => {
  const { uuid: id } = (await create(guest({ cmdline: "print=hello" }))).json();
  const live = await get("/domains/guest/console/log");
  expect(live.headers["content-type"]).toBe("application/octet-stream");
  expect(live.body).toBe("hello\n");
  daemon.backend.guest(id).print("bye\n");
  await post("/domains/guest/destroy");
  expect((await get("/domains/guest/console/log")).body).toBe("hello\nbye\n");
  expect((await get("/domains/other/console/log")).statusCode).toBe(404);
});

test("a defect is a 500 with its cause, and a line in the log", async () => {
  await create();
  const boom = () => {
    throw new Error("boom");
  };
  vi.spyOn(daemon.domains, "list").mockImplementation(boom);
  vi.spyOn(daemon.domains, "get").mockImplementation(boom);
  vi.spyOn(daemon.domains, "consoleLog").mockImplementation(boom);
  vi.spyOn(daemon.domains, "checkHost").mockImplementation(boom);
  vi.spyOn(daemon.store, "save").mockImplementation(boom);
  vi.spyOn(daemon.store, "remove").mockImplementation(boom);
  for (const call of ["devices", "attachDisk", "detachDisk", "attachVif", "detachVif"] as const) {
    vi.spyOn(daemon.domains, call).mockImplementation(boom);
  }
  const answers = [
    await get("/domains"),
    await get("/domains/guest"),
    await get("/domains/guest/console"),
    await get("/domains/guest/console/log"),
    await get("/host"),
    await create(guest({ name: "other" })),
    ...(await Promise.all(
      ["pause", "unpause", "shutdown", "reboot"].map((action) => post(`/domains/guest/${action}`)),
    )),
    await patch({ memory: 64 }),
    await send("/domains/guest/sysrq", { key: "h" }),
    await get("/domains/guest/devices"),
    await send("/domains/guest/disks", "/a,raw,xvda"),
    await send("/domains/guest/vifs", ""),
    await remove("/domains/guest/disks/xvda"),
    await remove("/domains/guest/vifs/0"),
    await remove("/domains/guest"),
  ];
  for (const answer of answers) {
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: "INTERNAL", causes: ["boom"] });
  }
  expect(log.join("\n")).toMatch(/GET \/domains failed: Error: boom\n +at /);
});

test("a hypervisor that does not let go of a domain is a 500", async () => {
  const { uuid: id } = (await create()).json();
  vi.spyOn(daemon.backend.guest(id), "end").mockImplementation(() => {
    throw new PvhError("HOST_SYSCALL", "it hangs");
  });
  expect((await post("/domains/guest/destroy")).statusCode).toBe(500);
  expect((await get("/domains/guest")).json().state).toBe("running");
  vi.restoreAllMocks();
});

test("an answer without the documented shape is not sent", async () => {
  vi.spyOn(daemon.domains, "checkHost").mockResolvedValue({ backend: "x", usable: "yes" } as never);
  const response = await get("/host");
  expect(response.json()).toMatchObject({ code: "INTERNAL", causes: [expect.stringMatching(/^usable: /)] });
});

test("GET /openapi.json is the committed document", async () => {
  const file = readFileSync(new URL("../../openapi.json", import.meta.url), "utf8");
  expect((await get("/openapi.json")).json()).toEqual(JSON.parse(file));
});

test("the API can be read in a browser", async () => {
  const page = await get("/docs");
  expect(page.statusCode).toBe(200);
  expect(page.headers["content-type"]).toMatch(/text\/html/);
  expect((await get("/docs/static/swagger-ui.css")).statusCode).toBe(200);
});

afterAll(() => {
  const others = /\/(affinity|trigger|rename|dump-core|save|restore|migrate) /;
  // Upgrades are not HTTP answers: console-route.test.ts shows them.
  expect(documented.unproduced().filter((name) => !others.test(name))).toEqual([
    "GET /domains/{id}/console 101",
  ]);
});
