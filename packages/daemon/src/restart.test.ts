import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuestConfig } from "@pvh/builder";
import { expect, test, vi } from "vitest";
import { TestDaemon } from "./daemon.testing.ts";
import { eventually } from "./eventually.testing.ts";

async function withDomain(changes: Partial<GuestConfig> = {}, startPaused = false) {
  const daemon = await new TestDaemon().start();
  const config = GuestConfig.parse({ name: "g", type: "pvh", kernel: daemon.kernel, ...changes });
  const { domain } = await daemon.domains.create(config, startPaused);
  return { daemon, uuid: domain.uuid, domain, config };
}

test("a running domain is found again and still looked after", async () => {
  const { daemon, uuid, domain } = await withDomain();
  await using _ = daemon;
  await daemon.restart();
  expect(daemon.domains.get(uuid)).toEqual(domain);
  expect((await daemon.domains.pause("g")).state).toBe("paused");
  daemon.backend.guest(uuid).end("poweroff");
  await eventually(() => expect(daemon.domains.get("g").state).toBe("shutdown"));
});

test("a state that changed meanwhile is seen", async () => {
  const { daemon, uuid } = await withDomain({}, true);
  await using _ = daemon;
  await daemon.crash();
  daemon.backend.guest(uuid).run();
  await daemon.start();
  expect(daemon.domains.get("g").state).toBe("running");
});

test("a domain that ended meanwhile has the exit that its record says", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  await daemon.crash();
  daemon.backend.guest(uuid).end("triple-fault");
  await daemon.start();
  expect(daemon.domains.get("g")).toMatchObject({ state: "crashed", exit: { reason: "triple-fault" } });
  expect(daemon.store.all()).toEqual(daemon.domains.list());
});

test("a domain that rebooted meanwhile starts again", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  await daemon.crash();
  daemon.backend.guest(uuid).end("reboot");
  await daemon.start();
  await eventually(() => expect(daemon.domains.get("g")).toMatchObject({ state: "running", restarts: 1 }));
  expect(daemon.domains.get("g").uuid).toBe(uuid);
});

test("a domain that waited to start again does so", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  await daemon.restart({ restartInterval: 60_000 });
  daemon.backend.guest(uuid).end("reboot");
  await eventually(() => expect(daemon.domains.get("g").state).toBe("rebooting"));
  await daemon.restart({ restartInterval: 1 });
  await eventually(() => expect(daemon.domains.get("g").state).toBe("running"));
});

test("what a start had made that was under way goes before the domain starts again", async () => {
  const { daemon, uuid, domain } = await withDomain();
  await using _ = daemon;
  daemon.store.save({ ...domain, state: "rebooting" });
  const half = daemon.backend.guest(uuid);
  vi.spyOn(daemon.backend, "find").mockResolvedValueOnce(undefined);
  await daemon.restart();
  await eventually(() => expect(daemon.domains.get("g").state).toBe("running"));
  expect(half.ended).toBe(true);
  expect(daemon.backend.running()).toEqual([uuid]);
});

test("a process that vanished is lost; with on_crash = restart it starts again", async () => {
  const lost = await withDomain();
  await using _ = lost.daemon;
  await lost.daemon.crash();
  lost.daemon.backend.guest(lost.uuid).kill();
  await lost.daemon.start();
  expect(lost.daemon.domains.get("g")).toMatchObject({ state: "lost", exit: { reason: "vmm-died" } });

  const again = await withDomain({ on_crash: "restart" });
  await using __ = again.daemon;
  await again.daemon.crash();
  again.daemon.backend.guest(again.uuid).kill();
  await again.daemon.start();
  await eventually(() => expect(again.daemon.domains.get("g").state).toBe("running"));
});

test("what was lost and came back is ended when its domain is deleted", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  const find = vi.spyOn(daemon.backend, "find").mockResolvedValue(undefined);
  await daemon.restart();
  expect(daemon.domains.get("g").state).toBe("lost");
  find.mockRestore();
  await daemon.domains.remove(uuid);
  expect(daemon.backend.running()).toEqual([]);
});

test("a domain that cannot be asked is kept as it was, and can be destroyed", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  const find = vi.spyOn(daemon.backend, "find").mockRejectedValue(new Error("a protocol of the future"));
  await daemon.restart();
  expect(daemon.domains.get("g").state).toBe("running");
  expect(daemon.lines.join("\n")).toMatch(/cannot be looked after: .*a protocol of the future/);
  await expect(daemon.domains.destroy("g")).rejects.toThrow("a protocol of the future");
  find.mockRestore();
  expect(await daemon.domains.destroy("g")).toMatchObject({ state: "destroyed" });
  expect(daemon.backend.running()).not.toContain(uuid);
});

test("after a reboot of the host a domain is lost with the host", async () => {
  const { daemon, uuid } = await withDomain({ on_crash: "restart" });
  await using _ = daemon;
  await daemon.crash();
  daemon.backend.guest(uuid).kill();
  await daemon.start({ hostBoot: "boot-2" });
  expect(daemon.domains.get("g")).toMatchObject({ state: "lost", exit: { reason: "host-lost" } });
});

test("a domain whose create was never answered is ended and forgotten", async () => {
  const { daemon, uuid, domain } = await withDomain();
  await using _ = daemon;
  daemon.store.save({ ...domain, state: "creating" });
  await daemon.restart();
  expect(daemon.domains.list()).toEqual([]);
  expect(daemon.store.all()).toEqual([]);
  expect(daemon.backend.running()).toEqual([]);
  expect(existsSync(join(daemon.stateDir, "domains", uuid))).toBe(false);
});

test("what runs without a row is ended, its files go, other files stay", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  daemon.store.remove(uuid);
  const domainsDir = join(daemon.stateDir, "domains");
  mkdirSync(join(domainsDir, "22222222-2222-4222-8222-222222222222"));
  writeFileSync(join(domainsDir, "notes.txt"), "");
  await daemon.restart();
  expect(daemon.backend.running()).toEqual([]);
  expect(readdirSync(domainsDir)).toEqual(["notes.txt"]);
});

test("an end during a graceful stop waits for the next daemon", async () => {
  const { daemon, uuid } = await withDomain();
  await using _ = daemon;
  const closed = daemon.domains.close();
  daemon.backend.guest(uuid).end("reboot");
  await closed;
  expect(daemon.store.all()[0]?.state).toBe("running");
  await daemon.restart();
  await eventually(() => expect(daemon.domains.get("g")).toMatchObject({ state: "running", restarts: 1 }));
});
