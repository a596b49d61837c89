import { PvhError } from "@pvh/errors";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { TwoDaemons } from "../transfer/two-daemons.testing.ts";
import { createApp } from "./app.ts";
import { DocumentedAnswers } from "./documented.testing.ts";

const documented = new DocumentedAnswers();
let two: TwoDaemons;
let app: FastifyInstance;
let uuid: string;

const post = (url: string, payload: object) => app.inject({ method: "POST", url, payload });
const migrate = (more: object = {}, id = "guest") =>
  post(`/domains/${id}/migrate`, { ...two.address, ...more });

beforeEach(async () => {
  two = await new TwoDaemons().start();
  app = await createApp(
    two.source.domains,
    () => {},
    (early) => documented.watch(early),
  );
  uuid = await two.guest();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await two[Symbol.asyncDispose]();
});

test("a migrated domain has ended here, and its record says where it is", async () => {
  const answer = await migrate();
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    uuid,
    state: "shutdown",
    exit: { reason: "suspend", detail: `It was migrated to 127.0.0.1:${two.address.port}.` },
  });
  expect(two.running()).toEqual({ source: [], target: [uuid] });
  expect((await migrate()).json()).toMatchObject({ code: "DOMAIN_STATE", status: 409 });
});

test("the port and live have defaults", async () => {
  const call = vi.spyOn(two.source.domains, "migrate").mockRejectedValue(new Error("boom"));
  await post("/domains/guest/migrate", { host: "b.example" });
  expect(call).toHaveBeenLastCalledWith("guest", { host: "b.example", port: 8002 }, true);
  await post("/domains/guest/migrate", { host: "2001:db8::1", port: 9, live: false });
  expect(call).toHaveBeenLastCalledWith("guest", { host: "2001:db8::1", port: 9 }, false);
});

test("bodies name a host", async () => {
  for (const body of [{}, { host: "" }, { host: "a b" }, { host: "b", port: 0 }, { host: "b", other: 1 }]) {
    expect((await post("/domains/guest/migrate", body)).statusCode).toBe(400);
  }
  expect((await migrate({}, "nobody")).statusCode).toBe(404);
});

test("failures have their codes", async () => {
  await two.source.restart();
  await app.close();
  app = await createApp(
    two.source.domains,
    () => {},
    (early) => documented.watch(early),
  );
  expect((await migrate()).json()).toMatchObject({ code: "MIGRATION_OFF", status: 501 });
  const codes = [
    "INTERNAL",
    "MIGRATION_PEER",
    "MIGRATION_UNDECIDED",
    "FILE_UNREADABLE",
    "HOST_NETWORK",
    "HOST_MEMORY",
  ] as const;
  for (const code of codes) {
    vi.spyOn(two.source.domains, "migrate").mockRejectedValueOnce(new PvhError(code, "It cannot."));
    expect((await migrate()).json()).toMatchObject({ code });
  }
});

afterAll(() => {
  expect(documented.unproduced().filter((name) => name.includes("/migrate "))).toEqual([]);
});
