import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import { expect, test, vi } from "vitest";
import { TestDaemon } from "./daemon.testing.ts";
import type { DomainState } from "./domain.ts";
import { eventually } from "./eventually.testing.ts";

function config(daemon: TestDaemon, changes: Partial<GuestConfig> = {}): GuestConfig {
  return GuestConfig.parse({ name: "g", type: "pvh", kernel: daemon.kernel, ...changes });
}

async function becomes(daemon: TestDaemon, id: string, state: DomainState): Promise<void> {
  await eventually(() => expect(daemon.domains.get(id).state).toBe(state));
}

/** Nothing of a domain: no row, no directory, nothing that runs. */
function expectNothing(daemon: TestDaemon): void {
  expect(daemon.domains.list()).toEqual([]);
  expect(daemon.store.all()).toEqual([]);
  expect(readdirSync(join(daemon.stateDir, "domains"))).toEqual([]);
  expect(daemon.backend.running()).toEqual([]);
}

test("a failed create leaves nothing", async () => {
  await using daemon = await new TestDaemon().start();
  await expect(
    daemon.domains.create(config(daemon, { cmdline: "fail=HOST_MEMORY" }), false),
  ).rejects.toMatchObject({ code: "HOST_MEMORY" });
  expectNothing(daemon);
});

test("a create whose record cannot be written leaves nothing that runs", async () => {
  await using daemon = await new TestDaemon().start();
  const save = daemon.store.save;
  let saves = 0;
  vi.spyOn(daemon.store, "save").mockImplementation((record) => {
    if (++saves === 2) throw new Error("disk full");
    save(record);
  });
  await expect(daemon.domains.create(config(daemon), false)).rejects.toThrow("disk full");
  expectNothing(daemon);
});

test("each start has a domid that no other live domain has", async () => {
  await using daemon = await new TestDaemon().start();
  const { uuid } = (await daemon.domains.create(config(daemon), false)).domain;
  await daemon.domains.create(config(daemon, { name: "h" }), false);
  expect(daemon.domains.list().map(({ domid }) => domid)).toEqual([1, 2]);
  daemon.backend.guest(uuid).end("reboot");
  await eventually(() => expect(daemon.domains.get(uuid)).toMatchObject({ state: "running", domid: 3 }));
  await daemon.restart();
  expect(daemon.domains.get("3").uuid).toBe(uuid);
  expect((await daemon.domains.create(config(daemon, { name: "i" }), false)).domain.domid).toBe(4);
});

test("where a hypervisor gives out the domids, nobody else counts on one", async () => {
  await using daemon = await new TestDaemon().start();
  daemon.backend.domids = [2, 1, 3];
  const [first, second] = await Promise.all([
    daemon.domains.create(config(daemon), false),
    daemon.domains.create(config(daemon, { name: "h" }), false),
  ]);
  expect([first.domain.domid, second.domain.domid]).toEqual([2, 1]);
  const gate = Promise.withResolvers<void>();
  daemon.backend.gate = gate.promise;
  daemon.backend.guest(second.domain.uuid).end("reboot");
  await eventually(() => expect(daemon.backend.launches).toBe(3));
  // Neither the old one nor a new one.
  expect(daemon.domains.get(second.domain.uuid)).toMatchObject({ state: "rebooting", domid: undefined });
  gate.resolve();
  await becomes(daemon, second.domain.uuid, "running");
  expect(daemon.domains.get("3").uuid).toBe(second.domain.uuid);
});

test("a domain whose process does not answer is shown without what only that knows", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  expect(await daemon.domains.live(domain)).toMatchObject({ memoryNow: 32 });
  daemon.backend.guest(domain.uuid).hangs = true;
  const before = performance.now();
  expect(await daemon.domains.live(domain)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(5000);
});

test("of two creates with one name exactly one wins", async () => {
  await using daemon = await new TestDaemon().start();
  const results = await Promise.allSettled([1, 2, 3].map(() => daemon.domains.create(config(daemon), false)));
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "DOMAIN_NAME_TAKEN" });
  }
  expect(daemon.backend.running()).toHaveLength(1);
});

test("a create can be repeated with its uuid, also while the first one is under way", async () => {
  await using daemon = await new TestDaemon().start();
  const uuid = "11111111-1111-4111-8111-111111111111";
  const [first, second] = await Promise.all([
    daemon.domains.create(config(daemon, { uuid }), false),
    daemon.domains.create(config(daemon, { uuid }), false),
  ]);
  expect([first.created, second.created]).toEqual([true, false]);
  expect(second.domain.state).toBe("running");
  await expect(daemon.domains.create(config(daemon, { uuid, memory: 64 }), false)).rejects.toMatchObject({
    code: "DOMAIN_UUID_TAKEN",
  });
  await expect(daemon.domains.create(config(daemon, { uuid }), true)).rejects.toMatchObject({
    code: "DOMAIN_UUID_TAKEN",
  });
  expect(daemon.backend.launches).toBe(1);
});

test("an ended domain stays listed with its exit until a new one takes its name", async () => {
  await using daemon = await new TestDaemon().start();
  const first = await daemon.domains.create(config(daemon, { cmdline: "exit=poweroff" }), false);
  const { uuid } = first.domain;
  await becomes(daemon, "g", "shutdown");
  expect(daemon.domains.get(uuid).exit).toMatchObject({ reason: "poweroff" });

  await expect(
    daemon.domains.create(config(daemon, { cmdline: "fail=HOST_MEMORY" }), false),
  ).rejects.toThrow();
  expect(daemon.domains.get("g").uuid).toBe(uuid);

  const second = await daemon.domains.create(config(daemon), false);
  await eventually(() => expect(daemon.domains.list()).toHaveLength(1));
  expect(daemon.domains.get("g").uuid).toBe(second.domain.uuid);
  expect(existsSync(join(daemon.stateDir, "domains", uuid))).toBe(false);
});

test.each([
  ["poweroff", "shutdown"],
  ["crash", "crashed"],
  ["triple-fault", "crashed"],
  ["emulation-failure", "crashed"],
  ["watchdog", "crashed"],
  ["suspend", "shutdown"],
] as const)("%s ends in %s", async (reason, state) => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  daemon.backend.guest(domain.uuid).end(reason);
  await becomes(daemon, "g", state);
  expect(daemon.store.all()[0]).toMatchObject({ state, exit: { reason } });
});

test("a process that dies without a word is a crash", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  daemon.backend.guest(domain.uuid).kill();
  await becomes(daemon, "g", "crashed");
  expect(daemon.domains.get("g").exit?.reason).toBe("vmm-died");
});

test.each([
  ["on_poweroff", "poweroff"],
  ["on_reboot", "reboot"],
  ["on_watchdog", "watchdog"],
  ["on_crash", "triple-fault"],
] as const)("%s = restart starts the same domain again, which never leaves the list", async (key, reason) => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon, { [key]: "restart" }), false);
  daemon.backend.guest(domain.uuid).end(reason);
  await becomes(daemon, domain.uuid, "rebooting");
  expect(daemon.domains.list().map(({ uuid }) => uuid)).toEqual([domain.uuid]);
  await expect(daemon.domains.create(config(daemon), false)).rejects.toMatchObject({
    code: "DOMAIN_NAME_TAKEN",
  });
  await becomes(daemon, domain.uuid, "running");
  expect(daemon.domains.get("g")).toMatchObject({ restarts: 1, exit: { reason } });
  expect(daemon.backend.launches).toBe(2);
});

test("a destroyed domain does not start again, whatever its policy", async () => {
  await using daemon = await new TestDaemon().start();
  const changes = { on_crash: "restart", on_poweroff: "restart" } as const;
  const { domain } = await daemon.domains.create(config(daemon, changes), false);
  expect(await daemon.domains.destroy("g")).toMatchObject({ state: "destroyed", exit: { reason: "killed" } });
  await new Promise((done) => setTimeout(done, 50));
  expect(daemon.backend.launches).toBe(1);
  await expect(daemon.domains.destroy(domain.uuid)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
});

test("a guest that reboots at the moment of its destruction stays destroyed", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  const destroyed = daemon.domains.destroy("g");
  daemon.backend.guest(domain.uuid).end("reboot");
  expect(await destroyed).toMatchObject({ state: "destroyed", exit: { reason: "reboot" } });
  await new Promise((done) => setTimeout(done, 50));
  expect(daemon.backend.launches).toBe(1);
});

test("a domain that waits to start again can be destroyed", async () => {
  await using daemon = await new TestDaemon().start({ restartInterval: 60_000 });
  const { domain } = await daemon.domains.create(config(daemon), false);
  daemon.backend.guest(domain.uuid).end("reboot");
  await becomes(daemon, "g", "rebooting");
  expect(daemon.backend.launches).toBe(1);
  expect(await daemon.domains.destroy("g")).toMatchObject({ state: "destroyed" });
  await daemon.domains.remove("g");
  expectNothing(daemon);
});

test("a restart that fails ends the domain and says why", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  vi.spyOn(daemon.backend, "launch").mockRejectedValue(new Error("no memory left"));
  daemon.backend.guest(domain.uuid).end("reboot");
  await becomes(daemon, "g", "crashed");
  expect(daemon.domains.get("g").exit).toMatchObject({
    reason: "reboot",
    detail: expect.stringMatching(/restart .* failed: .*no memory left/),
  });
});

test("pause, unpause and shutdown change the state; an ended domain refuses them", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), true);
  expect(domain.state).toBe("paused");
  expect((await daemon.domains.unpause("g")).state).toBe("running");
  expect((await daemon.domains.pause("g")).state).toBe("paused");
  expect((await daemon.domains.shutdown(domain.uuid.toUpperCase())).state).toBe("shutting-down");
  daemon.backend.guest(domain.uuid).end("poweroff");
  await becomes(daemon, "g", "shutdown");
  await expect(daemon.domains.pause("g")).rejects.toMatchObject({
    code: "DOMAIN_STATE",
    details: { found: "shutdown" },
  });
});

test("deleting a domain while it is created leaves nothing", async () => {
  await using daemon = await new TestDaemon().start();
  const gate = Promise.withResolvers<void>();
  daemon.backend.gate = gate.promise;
  const created = daemon.domains.create(config(daemon), false);
  expect(daemon.domains.get("g").state).toBe("creating");
  const removed = daemon.domains.remove("g");
  gate.resolve();
  await Promise.all([created, removed]);
  expectNothing(daemon);
});

test("deleting a domain while it starts again leaves nothing", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(config(daemon), false);
  const gate = Promise.withResolvers<void>();
  daemon.backend.gate = gate.promise;
  daemon.backend.guest(domain.uuid).end("reboot");
  await eventually(() => expect(daemon.backend.launches).toBe(2));
  const removed = daemon.domains.remove("g");
  gate.resolve();
  await removed;
  expectNothing(daemon);
});

test("an action that waited behind a delete finds no domain", async () => {
  await using daemon = await new TestDaemon().start();
  await daemon.domains.create(config(daemon), false);
  const removed = daemon.domains.remove("g");
  const paused = daemon.domains.pause("g");
  await removed;
  await expect(paused).rejects.toMatchObject({ code: "DOMAIN_NOT_FOUND" });
});

test("a hundred failed creates leave the state directory as it was", async () => {
  await using daemon = await new TestDaemon().start();
  const failing = config(daemon, { cmdline: "fail=KERNEL_NOT_PVH" });
  await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => daemon.domains.create({ ...failing, name: `g${i}` }, false)),
  );
  expect(daemon.backend.launches).toBe(100);
  expectNothing(daemon);
});

test("the console of an ended domain is what it printed", async () => {
  await using daemon = await new TestDaemon().start();
  const { domain } = await daemon.domains.create(
    config(daemon, { cmdline: "print=hello exit=poweroff" }),
    false,
  );
  await becomes(daemon, "g", "shutdown");
  const chunks = await (await daemon.domains.console("g")).stream.toArray();
  expect(Buffer.concat(chunks).toString()).toBe("hello\n");
  expect(readFileSync(join(daemon.stateDir, "domains", domain.uuid, "console.log"), "utf8")).toBe("hello\n");
});
