import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SENDTRIGGER, SHUTDOWN } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { expect, test, vi } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { FakeHost } from "./fake-host.testing.ts";
import { readDomainFile, readExit } from "./files.ts";
import { findDomain } from "./find-domain.ts";
import { changeIdentityInStore } from "./store-nodes.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const other = "22222222-2222-4222-8222-222222222222";
const home = "/local/domain/5";

test("a domain that has shut down remains, until it is discarded", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.poweroff);
  host.released();
  expect(await instance.exited).toMatchObject({ reason: "poweroff" });
  expect(instance.remains).toBe(true);
  expect(readExit(host.dir)).toEqual(await instance.exited);
  expect(host.workers.calls).toEqual([]);
  await expect(instance.status()).rejects.toMatchObject({ code: "VMM_DIED" });
  await expect(instance.pause()).rejects.toMatchObject({ code: "VMM_DIED" });

  await instance.discard();
  await instance.gone;
  expect(instance.remains).toBe(false);
  expect(host.workers.calls).toEqual(["pause", "destroy"]);
  expect(await host.store.list("/local/domain")).toEqual(["0"]);
  expect(await host.store.list("/vm")).toEqual([]);
  expect(host.watching.size).toBe(0);
});

test("an end that is seen before it is told is the end too", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.reboot);
  await expect(instance.status()).rejects.toMatchObject({ code: "VMM_DIED" });
  expect(await instance.exited).toMatchObject({ reason: "reboot" });
  expect(instance.remains).toBe(true);
});

test.each([
  ["crash", true],
  ["watchdog", true],
  ["poweroff", false],
  ["suspend", false],
] as const)("of %s the registers are told: %s", async (reason, told) => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN[reason]);
  host.released();
  const { report } = await instance.exited;
  expect(report?.rip).toBe(told ? "0x1234" : undefined);
  expect(readExit(host.dir)?.report).toEqual(report);
});

test("a crash whose registers cannot be had is a crash", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.failures.set("registers", new PvhError("XEN_CALL", "no such domain"));
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  expect(await instance.exited).toMatchObject({ reason: "crash" });
});

test("a domain that another toolstack destroys has been killed, also when it had ended before", async () => {
  await using host = new FakeHost();
  const running = await host.start(uuid);
  host.workers.domains = [];
  host.released();
  expect(await running.exited).toMatchObject({ reason: "killed", detail: expect.stringMatching(/Another/) });
  await running.gone;
  expect(running.remains).toBe(false);

  rmSync(join(host.dir, "exit.json"));
  const ended = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  await ended.exited;
  host.workers.domains = [];
  host.released();
  await ended.gone;
  expect(await ended.exited).toMatchObject({ reason: "crash" });
});

test("what an earlier daemon has recorded of the end stays", async () => {
  await using host = new FakeHost();
  const first = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  const exit = await first.exited;
  host.workers.domains = [];
  const again = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  again.look(host.workers.domains[0]);
  expect(await again.exited).toEqual(exit);
  expect(again.remains).toBe(true);
});

test("a removal that fails can be tried again", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.failures.set("destroy", new PvhError("XEN_CALL", "busy"));
  await expect(instance.destroy()).rejects.toThrow("busy");
  await instance.destroy();
  await instance.gone;
  expect(await instance.exited).toMatchObject({ reason: "killed" });
});

test("the number of a domain that is gone may be another domain's by now, which is left alone", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.domains = [];
  await host.store.write(`${home}/vm`, `/vm/${other}`);
  host.released();
  await instance.gone;
  expect(await host.store.read(`${home}/vm`)).toBe(`/vm/${other}`);
  expect(host.workers.calls).not.toContain("destroy");
});

test("a domain gets another name in the store and in its file, unless somebody has it", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  await instance.rename("wéb");
  expect(await host.store.read(`${home}/name`)).toBe("w\u00c3\u00a9b");
  expect(await host.store.read(`/vm/${uuid}/name`)).toBe("w\u00c3\u00a9b");
  expect(readDomainFile(host.dir)?.config.name).toBe("wéb");
  expect(readdirSync(host.userData)).toEqual([`userdata-d.5.${uuid}.libxl-json`]);
  await expect(instance.rename("Domain-0")).rejects.toMatchObject({
    code: "DOMAIN_NAME_TAKEN",
    message: expect.stringContaining("belongs to domain 0 of this Xen host"),
  });
  expect(instance.file.config.name).toBe("wéb");
  // One's own name is no conflict.
  await instance.rename("wéb");
});

test("what remains becomes another domain, for xl too, and its files move", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  const taken = { uuid: other, name: "Domain-0", dir: join(host.dir, "x") };
  await expect(instance.setAside(taken)).rejects.toMatchObject({ code: "VMM_DIED" });
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  const exit = await instance.exited;
  await expect(instance.setAside(taken)).rejects.toMatchObject({ code: "DOMAIN_NAME_TAKEN" });
  expect(await host.store.read(`${home}/vm`)).toBe(`/vm/${uuid}`);

  const started = await host.store.read(`/vm/${uuid}/start_time`);
  const dir = `${host.dir}-aside`;
  try {
    await instance.setAside({ uuid: other, name: "g-20261224T1830Z", dir });
    expect(host.workers.told).toEqual([["set-handle", { domid: 5, uuid: other }]]);
    expect(await host.store.list("/vm")).toEqual([other]);
    expect(await host.store.read(`${home}/vm`)).toBe(`/vm/${other}`);
    for (const path of [`${home}/name`, `/vm/${other}/name`])
      expect(await host.store.read(path)).toBe("g-20261224T1830Z");
    expect(await host.store.read(`/vm/${other}/uuid`)).toBe(other);
    expect(await host.store.read(`/vm/${other}/start_time`)).toBe(started);
    expect(await host.store.permissions(`/vm/${other}`)).toEqual([
      { domid: 0, access: "none" },
      { domid: 5, access: "read" },
    ]);
    expect(existsSync(host.dir)).toBe(false);
    expect(readExit(dir)).toEqual(exit);
    expect(readDomainFile(dir)).toMatchObject({ uuid: other, config: { name: "g-20261224T1830Z" } });
    expect(readdirSync(host.userData)).toEqual([`userdata-d.5.${other}.libxl-json`]);
    await instance.discard();
    expect(await host.store.list("/vm")).toEqual([]);
    expect(readdirSync(host.userData)).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("who misses a domain that is just becoming another one waits, and finds it", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  await instance.exited;
  const dir = `${host.dir}-aside`;
  try {
    const before = host.workers.domains;
    const seen = before.find((one) => one.uuid === other);
    const gate = Promise.withResolvers<void>();
    host.workers.gates.set("set-handle", gate.promise);
    const aside = instance.setAside({ uuid: other, name: "aside", dir });
    await eventually(() => expect(instance.file.uuid).toBe(other));
    // The hypervisor has the old uuid still.
    instance.look(seen);
    await sleep(20);
    gate.resolve();
    await aside;
    // Somebody asked before, and looks only now.
    instance.look(seen);
    await sleep(50);
    expect(instance.remains).toBe(true);
    expect(host.workers.calls).not.toContain("destroy");
    host.workers.domains = [];
    host.released();
    await instance.gone;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a domain that is destroyed while it becomes another one leaves nothing", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  await instance.exited;
  const dir = `${host.dir}-aside`;
  try {
    const gate = Promise.withResolvers<void>();
    host.workers.gates.set("set-handle", gate.promise);
    const aside = instance.setAside({ uuid: other, name: "aside", dir });
    await eventually(() => expect(instance.file.uuid).toBe(other));
    const destroyed = instance.destroy();
    await sleep(20);
    gate.resolve();
    await Promise.all([aside, destroyed]);
    expect(host.workers.domains).toEqual([]);
    expect(await host.store.list("/vm")).toEqual([]);
    expect(await host.store.list("/local/domain")).toEqual(["0"]);
    expect(readdirSync(host.userData)).toEqual([]);
    for (const late of [
      instance.setAside({ uuid, name: "late", dir: host.dir }),
      instance.softReset(),
      instance.dumpCore("/core"),
    ])
      await expect(late).rejects.toMatchObject({ code: "VMM_DIED" });
    expect(await host.store.list("/vm")).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.each(["pause", "destroy"])(
  "a domain that somebody else takes away before our %s leaves nothing",
  async (name) => {
    await using host = new FakeHost();
    const instance = await host.start(uuid);
    const run = host.workers.run.bind(host.workers);
    vi.spyOn(host.workers, "run").mockImplementation(async (task, input) => {
      if (task !== name) return run(task, input);
      host.workers.domains = [];
      throw new PvhError("XEN_CALL", "no such process", { found: "ESRCH" });
    });
    await instance.destroy();
    expect(await instance.exited).toMatchObject({ reason: "killed" });
    expect(await host.store.list("/vm")).toEqual([]);
    expect(readdirSync(host.userData)).toEqual([]);
  },
);

test("a domain whose uuid cannot be changed is what it was", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  await instance.exited;
  host.workers.failures.set("set-handle", new PvhError("XEN_CALL", "not permitted"));
  const aside = instance.setAside({ uuid: other, name: "aside", dir: `${host.dir}-aside` });
  await expect(aside).rejects.toThrow("not permitted");
  expect(await host.store.read(`${home}/vm`)).toBe(`/vm/${uuid}`);
  expect(await host.store.read(`${home}/name`)).toBe("g");
  expect(await host.store.list("/vm")).toEqual([uuid]);
  expect(readDomainFile(host.dir)).toMatchObject({ uuid, config: { name: "g" } });
  await instance.discard();
});

test("a domain that is found half renamed is renamed to the end", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  const file = { ...instance.file, uuid: other };
  expect(await findDomain(host, file)).toBeUndefined();
  await changeIdentityInStore(host.store, 5, { uuid: other, name: "aside" });
  expect(await findDomain(host, file)).toMatchObject({ domid: 5, uuid: other });
  expect(host.workers.told).toEqual([["set-handle", { domid: 5, uuid: other }]]);
  expect(await findDomain(host, instance.file)).toBeUndefined();
});

test("a soft reset gives the domain a new store, and lets it go on", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  await host.store.write(`${home}/console/tty`, "/dev/pts/7");
  await host.store.write(`${home}/data/guest`, "of the old kernel");
  host.workers.shutDown(uuid, SHUTDOWN.soft_reset);
  host.released();
  await instance.exited;
  const next = await instance.softReset();
  expect(host.workers.told).toEqual([
    ["soft-reset", { domid: 5, storeGfn: 0xfeffd, consoleGfn: 0xfefff }],
    ["unpause", 5],
  ]);
  expect([host.store.released, host.store.introduced]).toEqual([[5], [5, 5]]);
  expect(await host.store.read(`${home}/data/guest`)).toBeUndefined();
  expect(await host.store.read(`${home}/console/tty`)).toBe("/dev/pts/7");
  expect(await host.store.read(`${home}/name`)).toBe("g");
  expect(readExit(host.dir)).toBeUndefined();
  expect([...host.watching]).toEqual([next]);
  expect(instance.remains).toBe(false);
  expect((await next.status()).state).toBe("running");
  host.workers.shutDown(uuid, SHUTDOWN.poweroff);
  host.released();
  expect(await next.exited).toMatchObject({ reason: "poweroff" });
});

test("a classic guest cannot be reset in its memory", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid, { bootInterface: "classic" });
  host.workers.shutDown(uuid, SHUTDOWN.soft_reset);
  host.released();
  await instance.exited;
  await expect(instance.softReset()).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
  expect(instance.remains).toBe(true);
});

test("memory goes up to what mem-max has set, and that not below what the guest is told to have", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid, { maxmem: 128 });
  expect((await instance.status()).memoryLimit).toBe(128);
  await expect(instance.setMemory(129)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await instance.setMaxMemory(256);
  await instance.setMemory(200);
  expect(host.workers.told).toEqual([
    ["set-max-memory", { domid: 5, kib: 257 * 1024 }],
    ["set-max-memory", { domid: 5, kib: 201 * 1024 }],
  ]);
  expect(await host.store.read(`${home}/memory/static-max`)).toBe(`${256 * 1024}`);
  expect(await host.store.read(`${home}/memory/target`)).toBe(`${200 * 1024}`);
  expect((await instance.status()).memoryLimit).toBe(256);
  await expect(instance.setMaxMemory(199)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    details: { field: "maxmem", allowed: "at least 200" },
  });
});

test("triggers are sent as numbers; those that the hypervisor does not know are refused as such", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid, { vcpus: 2 });
  await instance.trigger("nmi", 1);
  expect(host.workers.told).toEqual([["trigger", { domid: 5, trigger: SENDTRIGGER.nmi, vcpu: 1 }]]);
  host.workers.failures.set("trigger", new PvhError("XEN_CALL", "no", { found: "ENOSYS" }));
  await expect(instance.trigger("reset", 0)).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
  await expect(instance.trigger("power", 0)).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
  await expect(instance.trigger("nmi", 2)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  host.workers.failures.set("trigger", new PvhError("XEN_CALL", "no", { found: "EPERM" }));
  await expect(instance.trigger("nmi", 0)).rejects.toMatchObject({ code: "XEN_CALL" });
});

test("all vCPUs that there may be are pinned, or one", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid, { vcpus: 1, maxvcpus: 3 });
  await instance.pin({ cpus: "0-1" });
  await instance.pin({ vcpu: 2, cpusSoft: "1" });
  expect(host.workers.told).toEqual([
    ["pin", { domid: 5, vcpus: [0, 1, 2], cpus: "0-1" }],
    ["pin", { domid: 5, vcpus: [2], cpusSoft: "1" }],
  ]);
  await expect(instance.pin({ vcpu: 3, cpus: "0" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("a live domain is paused while it is dumped, also when that fails; one that remains need not be", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  await instance.dumpCore("/core");
  expect(host.workers.told).toEqual([
    ["pause", 5],
    ["dump-core", { domid: 5, file: "/core" }],
    ["unpause", 5],
  ]);
  host.workers.failures.set("dump-core", new PvhError("FILE_EXISTS", "there"));
  await expect(instance.dumpCore("/core")).rejects.toMatchObject({ code: "FILE_EXISTS" });
  expect(host.workers.calls.slice(3)).toEqual(["pause", "unpause"]);
  host.workers.shutDown(uuid, SHUTDOWN.crash);
  host.released();
  await instance.exited;
  await instance.dumpCore("/core");
  expect(host.workers.calls.slice(5)).toEqual(["dump-core"]);
  await instance.discard();
  await expect(instance.dumpCore("/core")).rejects.toMatchObject({ code: "VMM_DIED" });
});

test("what its file says of a domain is what a later daemon reads", async () => {
  await using host = new FakeHost();
  const instance = await host.start(uuid);
  await instance.rename("h");
  expect(JSON.parse(readFileSync(join(host.dir, "domain.json"), "utf8"))).toMatchObject({ uuid, domid: 5 });
});
