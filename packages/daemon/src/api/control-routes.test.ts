import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { unsupported } from "../backend.ts";
import { TestDaemon } from "../daemon.testing.ts";
import { eventually } from "../eventually.testing.ts";
import { createApp } from "./app.ts";
import { DocumentedAnswers } from "./documented.testing.ts";

const documented = new DocumentedAnswers();
let daemon: TestDaemon;
let app: FastifyInstance;
let uuid: string;

const headers = { "content-type": "application/json" };
const post = (action: string, body: unknown, id = "guest") =>
  app.inject({ method: "POST", url: `/domains/${id}/${action}`, payload: JSON.stringify(body), headers });
const shown = async (id = "guest") => (await app.inject({ method: "GET", url: `/domains/${id}` })).json();
const simulated = () => daemon.backend.guest(uuid);

beforeEach(async () => {
  daemon = await new TestDaemon().start();
  app = await createApp(
    daemon.domains,
    () => {},
    (early) => documented.watch(early),
  );
  uuid = await create("guest");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await daemon[Symbol.asyncDispose]();
});

async function create(name: string): Promise<string> {
  const payload = { name, type: "pvh", kernel: daemon.kernel, vcpus: 2 };
  return (await app.inject({ method: "POST", url: "/domains", payload })).json().uuid;
}

/** A body that is right, for each route. */
const bodies = {
  affinity: { cpus: "0" },
  trigger: { trigger: "nmi" },
  rename: { name: "other" },
  "dump-core": { file: "/nonexistent/core" },
} as const;
const actions = ["affinity", "trigger", "rename", "dump-core"] as const;

test("vCPUs are pinned, all or one, hard or soft", async () => {
  const all = await post("affinity", { cpus: "0-3,^2" });
  expect(all.statusCode).toBe(200);
  const pinned = { cpus: "0-3,^2", cpus_soft: "all" };
  expect(all.json().affinity).toEqual([pinned, pinned]);
  await post("affinity", { vcpu: 1, cpus_soft: "1" });
  expect((await shown()).affinity).toEqual([pinned, { cpus: "0-3,^2", cpus_soft: "1" }]);
  await post("affinity", { vcpu: 0, cpus: "all", cpus_soft: "all" });
  expect((await shown()).affinity[0]).toEqual({ cpus: "all", cpus_soft: "all" });
});

test.each([
  [{}, 400, "REQUEST_INVALID", "body"],
  [[], 400, "REQUEST_INVALID", "body"],
  [{ vcpu: 0 }, 400, "REQUEST_INVALID", "body"],
  [{ cpus: "0", cpu: 1 }, 400, "REQUEST_INVALID", "cpu"],
  [{ cpus: "3-1" }, 422, "CONFIG_INVALID", "cpus"],
  [{ cpus: 3 }, 422, "CONFIG_INVALID", "cpus"],
  [{ cpus: "0", vcpu: "all" }, 422, "CONFIG_INVALID", "vcpu"],
  [{ cpus: "0", vcpu: 2 }, 422, "CONFIG_INVALID", "cpus"],
  [{ cpus: "8-9" }, 422, "CONFIG_INVALID", "cpus"],
  [{ cpus_soft: "node:0" }, 422, "CONFIG_KEY_UNSUPPORTED", "cpus_soft"],
])("pinning with %j is refused", async (body, status, code, field) => {
  const response = await post("affinity", body);
  expect(response.statusCode).toBe(status);
  expect(response.json()).toMatchObject({ code, field });
});

test("a trigger reaches its vCPU", async () => {
  expect((await post("trigger", { trigger: "nmi" })).statusCode).toBe(200);
  expect((await post("trigger", { trigger: "init", vcpu: 1 })).statusCode).toBe(200);
  expect(simulated().triggers).toEqual(["nmi 0", "init 1"]);
  expect((await post("trigger", { trigger: "sleep" })).json()).toMatchObject({ code: "REQUEST_INVALID" });
  expect((await post("trigger", { trigger: "nmi", vcpu: 2 })).statusCode).toBe(422);
  expect((await post("trigger", { trigger: "reset" })).json()).toMatchObject({
    code: "HOST_UNSUPPORTED",
    status: 501,
  });
});

test("a domain gets another name for good, and the old one is free", async () => {
  const renamed = await post("rename", { name: "web" });
  expect(renamed.json()).toMatchObject({ uuid, name: "web", config: { name: "web" } });
  expect(simulated().name).toBe("web");
  expect((await shown("guest")).code).toBe("DOMAIN_NOT_FOUND");
  const second = await create("guest");
  expect((await post("rename", { name: "web" }, "guest")).json()).toMatchObject({
    code: "DOMAIN_NAME_TAKEN",
    detail: expect.stringContaining(uuid),
  });
  expect((await shown(second)).name).toBe("guest");
  // What nobody has to be asked for.
  expect((await post("rename", { name: "web" }, "web")).statusCode).toBe(200);

  simulated().end("reboot");
  await eventually(async () => expect(await shown("web")).toMatchObject({ state: "running", restarts: 1 }));
  expect(simulated().name).toBe("web");
  await daemon.restart();
  expect(daemon.domains.get("web").uuid).toBe(uuid);
});

test("a name that another domain of the host has is refused, and nothing has changed", async () => {
  daemon.backend.foreign = [{ uuid: "0", domid: 3, name: "theirs", state: "running", memory: 1, vcpus: 1 }];
  expect((await post("rename", { name: "theirs" })).json()).toMatchObject({ code: "DOMAIN_NAME_TAKEN" });
  expect(await shown("guest")).toMatchObject({ uuid, config: { name: "guest" } });
  expect(daemon.store.all()[0]).toMatchObject({ name: "guest" });
});

test.each(["", "a/b", "12", "..", uuidLike(), "x".repeat(256)])("%j is no name", async (name) => {
  const response = await post("rename", { name });
  expect(response.statusCode).toBe(422);
  expect(response.json()).toMatchObject({ code: "CONFIG_INVALID", field: "name" });
});

test("an ended domain gets another name too, but cannot be dumped, pinned or triggered", async () => {
  await app.inject({ method: "POST", url: "/domains/guest/destroy" });
  for (const action of ["affinity", "trigger", "dump-core"] as const) {
    expect((await post(action, bodies[action])).json()).toMatchObject({ code: "DOMAIN_STATE", status: 409 });
  }
  expect((await post("rename", { name: "was" })).json()).toMatchObject({ name: "was", state: "destroyed" });
});

test("the memory of a domain is written to a file that was not there", async () => {
  const file = join(daemon.stateDir, "core");
  expect((await post("dump-core", { file })).json()).toMatchObject({ state: "running" });
  expect(readFileSync(file, "utf8")).toBe("memory of guest");
  expect((await post("dump-core", { file })).json()).toMatchObject({ code: "FILE_EXISTS", status: 409 });
  expect((await post("dump-core", { file: "core" })).json()).toMatchObject({
    code: "CONFIG_INVALID",
    field: "file",
  });
  expect(existsSync("core")).toBe(false);
});

test("bodies without what is needed are refused", async () => {
  for (const action of ["trigger", "rename", "dump-core"] as const) {
    expect((await post(action, {})).statusCode).toBe(400);
  }
});

test.each(actions)("%s of a domain that there is not, and of one of others, is 404", async (action) => {
  expect((await post(action, bodies[action], "none")).json()).toMatchObject({ code: "DOMAIN_NOT_FOUND" });
  daemon.backend.foreign = [{ uuid: "0", domid: 3, name: "theirs", state: "running", memory: 1, vcpus: 1 }];
  const command = { affinity: "vcpu-pin", trigger: "trigger", rename: "rename", "dump-core": "dump-core" };
  const { code, detail } = (await post(action, bodies[action], "theirs")).json();
  expect([code, detail]).toEqual(["DOMAIN_NOT_FOUND", expect.stringContaining(`; xl ${command[action]} 3 `)]);
});

test("what a backend cannot do, and what is a defect, are told apart", async () => {
  const calls = { affinity: "pin", trigger: "trigger", "dump-core": "dumpCore", rename: "rename" } as const;
  for (const action of actions) {
    const spy = vi.spyOn(daemon.domains, calls[action]);
    spy.mockRejectedValueOnce(new Error("boom"));
    expect((await post(action, bodies[action])).json()).toMatchObject({ code: "INTERNAL", status: 500 });
    if (action === "rename") continue;
    spy.mockRejectedValueOnce(unsupported("kvm", "do this", "do that"));
    expect((await post(action, bodies[action])).json()).toMatchObject({
      code: "HOST_UNSUPPORTED",
      status: 501,
      detail: "The kvm backend cannot do this; do that.",
    });
  }
});

function uuidLike(): string {
  return "00000000-0000-0000-0000-000000000001";
}

afterAll(() => {
  const own = /\/(affinity|trigger|rename|dump-core) /;
  expect(documented.unproduced().filter((name) => own.test(name))).toEqual([]);
});
