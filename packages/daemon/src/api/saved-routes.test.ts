import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PvhError } from "@pvh/errors";
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
let file: string;

const post = (url: string, payload: object) => app.inject({ method: "POST", url, payload });
const save = (more: object = {}, id = "guest") => post(`/domains/${id}/save`, { file, ...more });
const restore = (more: object = {}) => post("/domains/restore", { file, ...more });
const shown = async () => (await app.inject({ method: "GET", url: `/domains/${uuid}` })).json();

beforeEach(async () => {
  daemon = await new TestDaemon().start();
  app = await createApp(
    daemon.domains,
    () => {},
    (early) => documented.watch(early),
  );
  file = join(daemon.stateDir, "saved");
  uuid = await create("guest");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await daemon[Symbol.asyncDispose]();
});

async function create(name: string): Promise<string> {
  return (await post("/domains", { name, type: "pvh", kernel: daemon.kernel })).json().uuid;
}

test("a saved domain has ended, and its record says where it is", async () => {
  const answer = await save();
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    state: "shutdown",
    exit: { reason: "suspend", detail: `It was saved to ${file}.` },
  });
  expect(daemon.backend.running()).toEqual([]);
});

test("on_poweroff and its like are not asked", async () => {
  const payload = {
    name: "h",
    type: "pvh",
    kernel: daemon.kernel,
    on_poweroff: "restart",
    on_crash: "restart",
  };
  await post("/domains", payload);
  await save({}, "h");
  expect(daemon.domains.get("h").state).toBe("shutdown");
});

test("it may go on, or be paused", async () => {
  expect((await save({ checkpoint: true })).json().state).toBe("running");
  const answer = await save({ file: `${file}2`, checkpoint: true, leave_paused: true });
  expect(answer.json().state).toBe("paused");
  expect(await shown()).toMatchObject({ state: "paused" });
});

test("a restored domain is the same one, whose record was forgotten", async () => {
  await save();
  const answer = await restore({ start_paused: true });
  expect(answer.statusCode).toBe(201);
  expect(answer.headers.location).toBe(`/domains/${uuid}`);
  expect(answer.json()).toMatchObject({ uuid, name: "guest", state: "paused" });
  expect(answer.json().exit).toBeUndefined();
  expect(existsSync(file)).toBe(true);
  expect(daemon.domains.list()).toHaveLength(1);
});

test("it may have another name", async () => {
  await save();
  await create("guest");
  expect((await restore()).json().code).toBe("DOMAIN_NAME_TAKEN");
  expect((await restore({ name: "a/b" })).json().code).toBe("CONFIG_INVALID");
  expect((await restore({ name: "other" })).json()).toMatchObject({ uuid, name: "other", state: "running" });
});

test("a domain is not restored beside itself", async () => {
  await save({ checkpoint: true });
  expect((await restore()).json().code).toBe("DOMAIN_NAME_TAKEN");
  const answer = await restore({ name: "other" });
  expect([answer.statusCode, answer.json().code]).toEqual([409, "DOMAIN_UUID_TAKEN"]);
  expect(daemon.backend.running()).toEqual([uuid]);
});

test("what cannot be restored leaves nothing", async () => {
  await save();
  writeFileSync(file, "{}");
  const answer = await restore();
  expect([answer.statusCode, answer.json().code]).toEqual([422, "SAVED_FORMAT"]);
  expect(daemon.domains.get(uuid).state).toBe("shutdown");
});

test("a save that fails changes nothing", async () => {
  daemon.backend.guest(uuid).saves = async () => {
    throw unsupported("simulator", "save", "never");
  };
  const answer = await save();
  expect([answer.statusCode, answer.json().code]).toEqual([501, "HOST_UNSUPPORTED"]);
  expect(await shown()).toMatchObject({ state: "running" });
});

test("a domain that is being saved can be destroyed at once", async () => {
  const gate = Promise.withResolvers<void>();
  daemon.backend.guest(uuid).saves = () => gate.promise;
  const saving = save();
  await eventually(() => expect(daemon.backend.launches).toBe(1));
  const destroyed = post(`/domains/${uuid}/destroy`, {});
  await eventually(() => expect(daemon.backend.running()).toEqual([]));
  gate.resolve();
  expect((await saving).json().code).toBe("DOMAIN_STATE");
  expect((await destroyed).json()).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
  expect(existsSync(file)).toBe(false);
});

test("paths are absolute, and bodies name them", async () => {
  expect((await save({ file: "saved" })).json().code).toBe("CONFIG_INVALID");
  expect((await restore({ file: "saved" })).json().code).toBe("CONFIG_INVALID");
  for (const url of [`/domains/${uuid}/save`, "/domains/restore"]) {
    expect((await post(url, {})).statusCode).toBe(400);
    expect((await post(url, { file, other: 1 })).statusCode).toBe(400);
  }
  expect((await save({}, "nobody")).statusCode).toBe(404);
  await post(`/domains/${uuid}/destroy`, {});
  expect((await save()).json()).toMatchObject({ code: "DOMAIN_STATE", status: 409 });
});

test("failures of the host have their codes", async () => {
  vi.spyOn(daemon.domains, "save").mockRejectedValueOnce(new Error("boom"));
  expect((await save()).json()).toMatchObject({ code: "INTERNAL", status: 500 });
  for (const code of ["INTERNAL", "HOST_UNSUPPORTED", "HOST_NETWORK", "HOST_MEMORY"] as const) {
    vi.spyOn(daemon.domains, "restore").mockRejectedValueOnce(new PvhError(code, "It cannot."));
    expect((await restore()).json()).toMatchObject({ code });
  }
});

afterAll(() => {
  const own = /\/(save|restore) /;
  expect(documented.unproduced().filter((name) => own.test(name))).toEqual([]);
});
