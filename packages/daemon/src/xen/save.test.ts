import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SHUTDOWN } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { expect, test, vi } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { FakeHost } from "./fake-host.testing.ts";
import { readExit } from "./files.ts";
import type { XenInstance } from "./instance.ts";
import { recoverSave } from "./interrupted-save.ts";
import { writeMarker } from "./save-marker.ts";
import { readHead } from "./saved/head.ts";
import { decodeOwnData } from "./saved/own-data.ts";
import { bytesSource } from "./saved/source.ts";
import { Suspension } from "./suspension.ts";
import type { SaveRequest } from "./worker/tasks.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const request = "/local/domain/5/control/shutdown";

/** As libxenguest does it: the guest suspends in the midst of it. */
async function write({ file, head }: SaveRequest, suspended: () => Promise<boolean>): Promise<void> {
  writeFileSync(file, head);
  if (!(await suspended())) throw new PvhError("DOMAIN_STATE", "The guest has not suspended.");
}

/** A guest that does what it is asked to. */
async function suspends(host: FakeHost, reason: number = SHUTDOWN.suspend): Promise<void> {
  await eventually(async () => expect(await host.store.read(request)).toBe("suspend"));
  await host.store.write(request, "");
  host.workers.shutDown(uuid, reason);
  host.released();
}

async function running(host: FakeHost): Promise<{ instance: XenInstance; file: string }> {
  host.workers.saves = write;
  return {
    instance: await host.start(uuid, { maxmem: 128, vcpus: 1, maxvcpus: 2 }),
    file: join(host.dir, "saved"),
  };
}

test("a domain is written while it is suspended, and then ends", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  await Promise.all([instance.save(file, "end"), suspends(host)]);
  expect(await instance.exited).toMatchObject({ reason: "suspend", detail: `It was saved to ${file}.` });
  expect(readExit(host.dir)?.reason).toBe("suspend");
  expect(instance.remains).toBe(false);
  await instance.gone;
  expect(await host.store.list("/local/domain")).toEqual(["0"]);
  expect(readdirSync(host.dir).filter((name) => name.startsWith("sav"))).toEqual(["saved"]);
});

test("the file has what the domain has at the moment", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  await instance.setMemory(100);
  await instance.setVcpus(2);
  await Promise.all([instance.save(file, "go-on"), suspends(host)]);
  const { libxl, own = "" } = readHead(bytesSource(readFileSync(file)));
  expect(decodeOwnData(own)?.config).toMatchObject({ name: "g", uuid, memory: 100, maxmem: 128, vcpus: 2 });
  expect(JSON.parse(libxl)).toMatchObject({
    c_info: { name: "g", type: "pvh", uuid },
    b_info: { target_memkb: 102400, max_memkb: 131072, avail_vcpus: [0, 1] },
  });
});

test("it may go on, or be paused, and its next end is one", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  await Promise.all([instance.save(file, "go-on"), suspends(host)]);
  expect(host.workers.calls.filter((name) => name !== "set-max-memory").slice(-1)).toEqual(["resume"]);
  await Promise.all([instance.save(`${file}2`, "pause"), suspends(host)]);
  expect(host.workers.calls.slice(-2)).toEqual(["pause", "resume"]);
  expect(host.store.resumed).toEqual([5, 5]);
  expect(await instance.status()).toMatchObject({ state: "running" });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  host.released();
  expect(await instance.exited).toMatchObject({ reason: "suspend" });
  expect(instance.remains).toBe(true);
});

test("what was seen before it went on is no end", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  const [domain] = host.workers.domains;
  const asked = performance.now();
  await Promise.all([instance.save(file, "go-on"), suspends(host)]);
  if (domain !== undefined) instance.look({ ...domain, shutdown: SHUTDOWN.suspend }, asked);
  expect(await instance.status()).toMatchObject({ state: "running" });
});

test("while it is saved nothing else is done to it", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  const saving = instance.save(file, "go-on");
  await eventually(async () => expect(await host.store.read(request)).toBe("suspend"));
  await expect(instance.detachDisk("xvda", false)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  await expect(instance.status()).rejects.toMatchObject({ code: "DOMAIN_STATE" });
  await host.store.write(request, "");
  await saving;
});

test("a failure lets it go on, and leaves no file", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  host.workers.saves = async (task, suspended) => {
    await write(task, suspended);
    throw new PvhError("FILE_UNWRITABLE", "The disk is full.");
  };
  const saving = Promise.all([instance.save(file, "end"), suspends(host)]);
  await expect(saving).rejects.toMatchObject({ code: "FILE_UNWRITABLE" });
  expect(host.workers.calls.slice(-1)).toEqual(["resume"]);
  expect(readdirSync(host.dir).filter((name) => name.startsWith("sav"))).toEqual([]);
  expect(await instance.status()).toMatchObject({ state: "running" });
});

test("a domain that ends in the midst of it has ended", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  const saving = Promise.all([instance.save(file, "end"), suspends(host, SHUTDOWN.crash)]);
  await expect(saving).rejects.toThrow("The domain ended while it was being saved.");
  expect(await instance.exited).toMatchObject({ reason: "crash" });
  expect(existsSync(file)).toBe(false);
});

test("a domain that is destroyed in the midst of it does not wait for its guest", async () => {
  await using host = new FakeHost();
  const { instance, file } = await running(host);
  const saving = instance.save(file, "end").catch((error: unknown) => error);
  await eventually(async () => expect(await host.store.read(request)).toBe("suspend"));
  await instance.destroy();
  expect(await saving).toMatchObject({ code: "DOMAIN_STATE" });
  expect(await instance.exited).toMatchObject({ reason: "killed" });
});

test("a guest that does not listen is not waited for for ever, and is not asked any more", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    await using host = new FakeHost();
    const { instance, file } = await running(host);
    const saving = instance.save(file, "end").catch((error: unknown) => error);
    while ((await host.store.read(request)) !== "suspend") await new Promise(setImmediate);
    // So that the store's answers come in between.
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await saving).toMatchObject({ code: "DOMAIN_STATE", details: { field: "control/shutdown" } });
    expect(await host.store.read(request)).toBe("");
    expect(host.workers.calls).not.toContain("resume");
  } finally {
    vi.useRealTimers();
  }
});

test("what cannot be saved is refused before anything is done", async () => {
  await using host = new FakeHost();
  const classic = await host.start(uuid, { bootInterface: "classic" });
  await expect(classic.save("/nowhere", "end")).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
  await using other = new FakeHost();
  const { instance, file } = await running(other);
  writeFileSync(file, "");
  await expect(instance.save(file, "end")).rejects.toMatchObject({ code: "FILE_EXISTS" });
  await expect(instance.detachDisk("xvda", false)).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND" });
  other.workers.domains = other.workers.domains.map((one) => ({ ...one, paused: true }));
  await expect(instance.save(`${file}2`, "end")).rejects.toMatchObject({ code: "DOMAIN_STATE" });
  expect(await other.store.read(request)).toBe("");
});

test("a daemon that was killed in the midst of it is cleaned up after", async () => {
  await using host = new FakeHost();
  const { file, instance } = await running(host);
  const partial = `${file}.1.partial`;
  const recover = () => recoverSave(host, host.dir, 5, host.workers.domains[0]);
  expect(await recover()).toEqual({ found: host.workers.domains[0] });

  writeFileSync(partial, "");
  writeMarker(host.dir, { partial, file, ends: true });
  await host.store.write(request, "suspend");
  expect(await recover()).toMatchObject({ found: host.workers.domains[0], suspension: { active: false } });
  expect([await host.store.read(request), existsSync(partial)]).toEqual(["", false]);

  writeFileSync(partial, "");
  writeMarker(host.dir, { partial, file, ends: true });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  const seen = { summary: host.workers.domains[0], at: performance.now() };
  const recovered = await recover();
  expect(recovered).toMatchObject({ found: host.workers.domains[0], suspension: { active: false } });
  expect(host.workers.calls).toEqual(["resume"]);
  // Somebody had seen it suspended, and says so late.
  if (!("suspension" in recovered) || recovered.suspension === undefined) throw new Error("not suspended");
  await instance.goOnAfter(recovered.suspension);
  instance.look(seen.summary, seen.at);
  expect(await instance.status()).toMatchObject({ state: "running" });

  writeFileSync(file, "");
  writeMarker(host.dir, { partial, file, ends: true });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  expect(await recover()).toEqual({ saved: file });
});

test.each(["before", "after"])("a guest that suspends %s the next daemon looks goes on", async (when) => {
  await using host = new FakeHost();
  const { instance } = await running(host);
  if (when === "before") host.workers.shutDown(uuid, SHUTDOWN.suspend);
  await instance.goOnAfter(Suspension.abandoned(host, 5));
  if (when === "after") {
    host.workers.shutDown(uuid, SHUTDOWN.suspend);
    host.released();
  }
  await eventually(() => expect(host.workers.calls).toContain("resume"));
  expect(await instance.status()).toMatchObject({ state: "running" });
  // What comes then is an end.
  host.workers.shutDown(uuid, SHUTDOWN.poweroff);
  host.released();
  expect(await instance.exited).toMatchObject({ reason: "poweroff" });
});
