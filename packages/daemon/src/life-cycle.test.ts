import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EndAction, GuestConfig, type GuestConfigInput } from "@pvh/builder";
import { expect, test, vi } from "vitest";
import { TestDaemon } from "./daemon.testing.ts";
import type { DomainRecord, DomainState } from "./domain.ts";
import { eventually } from "./eventually.testing.ts";

async function withDomain(changes: Partial<GuestConfigInput> = {}, daemon = new TestDaemon()) {
  await daemon.start();
  const { domain } = await daemon.domains.create(configOf(daemon, changes), false);
  return { daemon, uuid: domain.uuid, domain, guest: daemon.backend.guest(domain.uuid) };
}

function configOf(daemon: TestDaemon, changes: Partial<GuestConfigInput> = {}): GuestConfig {
  return GuestConfig.parse({ name: "g", type: "pvh", kernel: daemon.kernel, ...changes });
}

async function becomes(
  daemon: TestDaemon,
  id: string,
  state: DomainState,
  restarts = daemon.domains.get(id).restarts,
): Promise<DomainRecord> {
  await eventually(() => expect(daemon.domains.get(id)).toMatchObject({ state, restarts }));
  return daemon.domains.get(id);
}

const dumps = (daemon: TestDaemon) => {
  const directory = join(daemon.stateDir, "dump");
  return existsSync(directory) ? readdirSync(directory).sort() : [];
};

test("preserve keeps the domain as it ended, with its name and domid, until it is destroyed", async () => {
  const { daemon, uuid, domain, guest } = await withDomain({ on_crash: "preserve" });
  await using _ = daemon;
  guest.end("crash");
  const { domid } = domain;
  expect(await becomes(daemon, uuid, "crashed")).toMatchObject({
    preserved: true,
    domid,
    exit: { reason: "crash" },
  });
  expect(daemon.domains.get(`${domid}`).uuid).toBe(uuid);
  expect(daemon.backend.remaining()).toEqual([uuid]);
  await expect(daemon.domains.create(configOf(daemon), false)).rejects.toMatchObject({
    code: "DOMAIN_NAME_TAKEN",
  });
  const next = await daemon.domains.create(configOf(daemon, { name: "h" }), false);
  expect(next.domain.domid).not.toBe(domid);

  for (const refused of [
    daemon.domains.pause(uuid),
    daemon.domains.shutdown(uuid),
    daemon.domains.change(uuid, { memory: 16 }),
    daemon.domains.devices(uuid),
  ]) {
    await expect(refused).rejects.toMatchObject({ code: "DOMAIN_STATE", details: { found: "crashed" } });
  }
  expect(await daemon.domains.live(daemon.domains.get(uuid))).toBeUndefined();
  const core = join(daemon.stateDir, "core");
  await daemon.domains.dumpCore(uuid, core);
  expect(readFileSync(core, "utf8")).toBe("memory of g");

  expect(await daemon.domains.destroy(uuid)).toMatchObject({
    state: "destroyed",
    preserved: false,
    exit: { reason: "crash" },
  });
  expect(daemon.backend.remaining()).toEqual([]);
  await expect(daemon.domains.destroy(uuid)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
});

test("a preserved domain is found again as such, and destroyed", async () => {
  const { daemon, uuid, guest } = await withDomain({ on_poweroff: "preserve" });
  await using _ = daemon;
  guest.end("poweroff");
  const before = await becomes(daemon, uuid, "shutdown");
  await daemon.restart();
  expect(daemon.domains.get(uuid)).toEqual(before);
  expect(daemon.backend.remaining()).toEqual([uuid]);
  await daemon.domains.remove("g");
  expect(daemon.backend.remaining()).toEqual([]);
  expect(daemon.domains.list()).toEqual([]);
});

test("a preserved domain that somebody else has destroyed is not preserved any more", async () => {
  const { daemon, uuid, guest } = await withDomain({ on_crash: "preserve" });
  await using _ = daemon;
  guest.end("crash");
  await becomes(daemon, uuid, "crashed");
  guest.vanish();
  expect(await becomes(daemon, uuid, "destroyed")).toMatchObject({
    preserved: false,
    exit: { reason: "crash" },
  });
  await daemon.domains.create(configOf(daemon), false);
});

test("a preserved domain that has gone while pvhd was away is not preserved any more", async () => {
  const { daemon, uuid, guest } = await withDomain({ on_crash: "preserve" });
  await using _ = daemon;
  guest.end("crash");
  await becomes(daemon, uuid, "crashed");
  await daemon.crash();
  guest.vanish();
  await daemon.start();
  expect(daemon.domains.get(uuid)).toMatchObject({ state: "destroyed", preserved: false });
});

test("an end while pvhd was away is followed by what the config says of it", async () => {
  for (const [action, remaining] of [
    ["preserve", 1],
    ["destroy", 0],
  ] as const) {
    const { daemon, uuid, guest } = await withDomain({ on_crash: action });
    await using _ = daemon;
    await daemon.crash();
    guest.end("crash", { lastConsoleLine: "oops" });
    await daemon.start();
    expect(daemon.domains.get(uuid)).toMatchObject({
      state: "crashed",
      preserved: action === "preserve",
      exit: { reason: "crash", lastConsoleLine: "oops" },
    });
    expect(daemon.backend.remaining()).toHaveLength(remaining);
  }
});

test("a suspended guest is preserved; when it runs again, it is found running", async () => {
  const { daemon, uuid, guest } = await withDomain();
  await using _ = daemon;
  guest.end("suspend");
  expect(await becomes(daemon, uuid, "shutdown")).toMatchObject({
    preserved: true,
    exit: { reason: "suspend" },
  });
  await daemon.crash();
  // As xl save -c does.
  guest.resume();
  await daemon.start();
  expect(daemon.domains.get(uuid)).toMatchObject({ state: "running", preserved: false });
  guest.end("poweroff");
  expect(await becomes(daemon, uuid, "shutdown")).toMatchObject({ exit: { reason: "poweroff" } });
});

test("rename-restart keeps the old domain under another name and uuid, and starts the domain again", async () => {
  const { daemon, uuid, domain, guest } = await withDomain({ on_crash: "rename-restart" });
  await using _ = daemon;
  guest.print("first\n");
  guest.end("crash");
  const now = await becomes(daemon, uuid, "running", 1);
  expect(now).toMatchObject({ name: "g", preserved: false, exit: { reason: "crash" } });
  expect(now.domid).not.toBe(domain.domid);

  const aside = daemon.domains.list().find((one) => one.uuid !== uuid);
  expect(aside).toMatchObject({
    name: expect.stringMatching(/^g-\d{8}T\d{4}Z$/),
    state: "crashed",
    preserved: true,
    domid: domain.domid,
    exit: { reason: "crash" },
  });
  expect(aside?.config).toMatchObject({ name: aside?.name, uuid: aside?.uuid });
  expect(daemon.backend.remaining()).toEqual([aside?.uuid]);
  // Each has its own files.
  const text = (id: string) => new TextDecoder().decode(daemon.domains.consoleLog(id));
  expect(text(aside?.uuid ?? "")).toBe("first\n");
  expect(text(uuid)).toBe("");

  // Within the same minute the name needs a number.
  daemon.backend.guest(uuid).end("crash");
  await becomes(daemon, uuid, "running", 2);
  const names = daemon.domains.list().map(({ name }) => name);
  expect(new Set(names).size).toBe(3);
  expect(daemon.backend.remaining()).toHaveLength(2);

  await daemon.restart();
  expect(daemon.domains.list()).toHaveLength(3);
  await daemon.domains.destroy(aside?.name ?? "");
  expect(daemon.domains.get(aside?.uuid ?? "")).toMatchObject({ state: "destroyed", preserved: false });
  expect(daemon.backend.running()).toEqual([uuid]);
});

test.each([
  [false, 1],
  [true, 0],
])("a daemon that is killed while it renames (done: %s) starts the domain again", async (late, lost) => {
  const { daemon, uuid, guest } = await withDomain({ on_reboot: "rename-restart" });
  await using _ = daemon;
  const reached = Promise.withResolvers<void>();
  vi.spyOn(guest, "moves").mockImplementation(async (done) => {
    if (done !== late) return;
    reached.resolve();
    await new Promise(() => {});
  });
  guest.end("reboot");
  await reached.promise;
  vi.restoreAllMocks();
  await daemon.crash();
  await daemon.start();
  await eventually(() => expect(daemon.domains.get(uuid).state).toBe("running"));
  const others = daemon.domains.list().filter((one) => one.uuid !== uuid);
  expect(others.filter(({ preserved }) => preserved).map((one) => one.uuid)).toEqual(
    daemon.backend.remaining(),
  );
  expect(daemon.backend.remaining()).toHaveLength(1);
  expect(others.filter(({ state }) => state === "destroyed")).toHaveLength(lost);
});

test("a domain that cannot be renamed stays as it is, and nothing starts again", async () => {
  const { daemon, uuid, domain, guest } = await withDomain({ on_crash: "rename-restart" });
  await using _ = daemon;
  const foreign = { uuid: "f".repeat(8), domid: 90, state: "running", memory: 1, vcpus: 1 } as const;
  daemon.backend.foreign = [{ ...foreign, name: "g-20261224T1830Z" }];
  vi.spyOn(Date.prototype, "toISOString").mockReturnValue("2026-12-24T18:30:00.000Z");
  guest.end("crash");
  const now = await becomes(daemon, uuid, "crashed");
  vi.restoreAllMocks();
  expect(now).toMatchObject({
    name: "g",
    preserved: true,
    domid: domain.domid,
    exit: { reason: "crash", detail: expect.stringMatching(/cannot be renamed: .*has a domain/) },
  });
  expect(daemon.domains.list()).toHaveLength(1);
  expect(daemon.store.all()).toHaveLength(1);
  expect(daemon.backend.launches).toBe(1);
  expect(daemon.backend.remaining()).toEqual([uuid]);
});

test.each<[EndAction, DomainState, number]>([
  ["coredump-destroy", "crashed", 0],
  ["coredump-restart", "running", 1],
])("%s writes the memory to a file first", async (action, state, restarts) => {
  const { daemon, uuid, guest } = await withDomain({ on_watchdog: action });
  await using _ = daemon;
  guest.end("watchdog");
  const now = await becomes(daemon, uuid, state, restarts);
  expect(now).toMatchObject({ preserved: false, exit: { reason: "watchdog" } });
  const file = now.exit?.coreDump ?? "";
  expect(dumps(daemon)).toEqual([expect.stringMatching(/^g-\d{8}T\d{4}Z$/)]);
  expect(file).toBe(join(daemon.stateDir, "dump", dumps(daemon)[0] ?? ""));
  expect(readFileSync(file, "utf8")).toBe("memory of g");
  expect(statSync(join(daemon.stateDir, "dump")).mode & 0o777).toBe(0o700);
  expect(daemon.backend.remaining()).toEqual([]);
});

test("of a domain's dumps the last three are kept, and other files stay", async () => {
  const { daemon, uuid } = await withDomain({ on_crash: "coredump-restart" });
  await using _ = daemon;
  for (let restarts = 1; restarts <= 5; restarts++) {
    daemon.backend.guest(uuid).end("crash");
    const { exit } = await becomes(daemon, uuid, "running", restarts);
    const written = new Date(2026, 0, restarts);
    utimesSync(exit?.coreDump ?? "", written, written);
    if (restarts === 1) writeFileSync(join(daemon.stateDir, "dump", "gg-20200101T0000Z"), "");
  }
  expect(dumps(daemon)).toHaveLength(4);
  expect(dumps(daemon)).toContain("gg-20200101T0000Z");
  expect(existsSync(daemon.domains.get(uuid).exit?.coreDump ?? "")).toBe(true);
});

test("a dump that fails does not keep the rest from happening", async () => {
  const { daemon, uuid, guest } = await withDomain({ on_crash: "coredump-destroy" });
  await using _ = daemon;
  writeFileSync(join(daemon.stateDir, "dump"), "no directory");
  guest.end("crash", { detail: "It was said before." });
  const now = await becomes(daemon, uuid, "crashed");
  expect(now.exit?.detail).toMatch(/^It was said before\. The core dump failed: error /);
  expect(now.exit?.coreDump).toBeUndefined();
  expect(daemon.backend.remaining()).toEqual([]);
});

test("a soft reset lets the domain go on under the same domid, and its next end is seen", async () => {
  const { daemon, uuid, domain, guest } = await withDomain();
  await using _ = daemon;
  guest.end("soft-reset");
  const now = await becomes(daemon, uuid, "running", 1);
  expect(now).toMatchObject({ domid: domain.domid, exit: { reason: "soft-reset" } });
  expect(daemon.backend.launches).toBe(1);
  expect((await daemon.domains.pause(uuid)).state).toBe("paused");
  guest.end("poweroff");
  expect(await becomes(daemon, uuid, "shutdown")).toMatchObject({ exit: { reason: "poweroff" } });
  expect(daemon.backend.remaining()).toEqual([]);
});

test("soft resets do not come faster than restarts", async () => {
  const daemon = await new TestDaemon().start({ restartInterval: 200 });
  await using _ = daemon;
  const { domain } = await daemon.domains.create(configOf(daemon), false);
  const before = performance.now();
  for (let restarts = 1; restarts <= 2; restarts++) {
    daemon.backend.guest(domain.uuid).end("soft-reset");
    await becomes(daemon, domain.uuid, "running", restarts);
  }
  expect(performance.now() - before).toBeGreaterThan(300);
});

test("a soft reset that fails ends the domain and says why", async () => {
  const { daemon, uuid, guest } = await withDomain({ cmdline: "deaf" });
  await using _ = daemon;
  guest.end("soft-reset");
  expect((await becomes(daemon, uuid, "crashed")).exit).toMatchObject({
    reason: "soft-reset",
    detail: expect.stringMatching(/The soft reset failed: .*cannot reset it/),
  });
  expect(daemon.backend.remaining()).toEqual([]);
});

test.each<EndAction>(["destroy", "restart"])(
  "with %s, what cannot be removed is preserved, so that it can be destroyed later",
  async (action) => {
    const { daemon, uuid, guest } = await withDomain({ on_crash: action });
    await using _ = daemon;
    const vanish = vi.spyOn(guest, "vanish").mockImplementation(() => {
      throw new Error("the hypervisor is busy");
    });
    guest.end("crash");
    expect(await becomes(daemon, uuid, "crashed")).toMatchObject({
      preserved: true,
      exit: { detail: expect.stringMatching(/cannot be removed: .*the hypervisor is busy/) },
    });
    await expect(daemon.domains.destroy(uuid)).rejects.toThrow("busy");
    vanish.mockRestore();
    expect(await daemon.domains.destroy(uuid)).toMatchObject({ state: "destroyed", preserved: false });
    expect(daemon.backend.launches).toBe(1);
  },
);

test("a domain that is gone cannot be preserved, renamed or dumped; a restart still restarts it", async () => {
  const { daemon, uuid, guest } = await withDomain({ on_crash: "coredump-restart" });
  await using _ = daemon;
  guest.kill();
  expect(await becomes(daemon, uuid, "running", 1)).toMatchObject({ exit: { reason: "vmm-died" } });
  expect(dumps(daemon)).toEqual([]);
});

test("what a backend cannot keep is refused before anything is made", async () => {
  const daemon = await new TestDaemon("kvm").start();
  await using _ = daemon;
  for (const changes of [{ on_crash: "preserve" }, { cpus: "0-3" }, { max_grant_version: 2 }] as const) {
    await expect(daemon.domains.create(configOf(daemon, changes), false)).rejects.toMatchObject({
      code: "CONFIG_KEY_UNSUPPORTED",
      message: expect.stringContaining("the kvm backend"),
    });
  }
  expect(daemon.domains.list()).toEqual([]);
  expect(readdirSync(join(daemon.stateDir, "domains"))).toEqual([]);
  await daemon.domains.create(configOf(daemon, { on_crash: "restart", max_grant_version: 1 }), false);
});
