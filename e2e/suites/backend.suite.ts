import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestConfig, parseDisk } from "@pvh/builder";
import type { Backend, DomainStart, Instance } from "@pvh/daemon";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";

/** Guests that the suite needs; each prints its name at once. */
export const suiteGuests = ["spin", "poweroff", "crash", "echo"] as const;
export type SuiteGuest = (typeof suiteGuests)[number];

export interface BackendSetup {
  backend: Backend;
  /** Config of a guest that does what its name says; `spin` cannot be asked to shut down. */
  guest(name: SuiteGuest): Partial<GuestConfig>;
}

/** What the life cycle manager relies on, whichever backend runs its domains. */
export function backendSuite(setup: () => BackendSetup): void {
  let dir: string;
  let instances: Instance[];
  let backend: Backend;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvh-backend-"));
    instances = [];
    backend = setup().backend;
  });
  afterEach(async () => {
    for (const instance of instances) {
      await instance.destroy().catch(() => {});
      instance.disconnect();
    }
    rmSync(dir, { recursive: true, force: true });
  });

  function start(guest: SuiteGuest, changes: Partial<GuestConfig> = {}): DomainStart {
    const config = { name: "g", type: "pvh", memory: 32, ...setup().guest(guest), ...changes };
    return { uuid: randomUUID(), domid: 7, dir, config: GuestConfig.parse(config), startPaused: false };
  }

  async function launch(request: DomainStart): Promise<Instance> {
    const instance = await backend.launch(request);
    instances.push(instance);
    return instance;
  }

  async function find(uuid: string): Promise<Instance | undefined> {
    const instance = await backend.find(dir, uuid);
    if (instance !== undefined) instances.push(instance);
    return instance;
  }

  function letGo(instance: Instance): void {
    instance.disconnect();
    instances.splice(instances.indexOf(instance), 1);
  }

  const stateOf = async (instance: Instance | undefined) => (await instance?.status())?.state;
  const log = () => new TextDecoder().decode(backend.consoleLog(dir));

  test("a launched domain runs, and it is known how it was started", async () => {
    const instance = await launch(start("spin"));
    expect(await stateOf(instance)).toBe("running");
    const { pid, bootInterface, platform, stages } = instance.started;
    expect(() => process.kill(pid ?? 0, 0)).not.toThrow();
    expect(["classic", "direct"]).toContain(bootInterface);
    expect(["xen", "bare"]).toContain(platform);
    expect(stages[0]?.name).toBe("inspect");
    expect(stages.every(({ ms }) => ms >= 0)).toBe(true);
  });

  test("a domain that starts paused does nothing until it is unpaused", async () => {
    const instance = await launch({ ...start("poweroff"), startPaused: true });
    expect(await stateOf(instance)).toBe("paused");
    expect(log()).toBe("");
    await instance.unpause();
    expect(await instance.exited).toMatchObject({ reason: "poweroff" });
    expect(log()).toContain("poweroff");
  });

  test("a domain is paused and goes on", async () => {
    const instance = await launch(start("spin"));
    await instance.pause();
    expect(await stateOf(instance)).toBe("paused");
    await instance.unpause();
    expect(await stateOf(instance)).toBe("running");
  });

  test.each([
    ["poweroff", "poweroff"],
    ["crash", "crash"],
  ] as const)("the end of %s is told, recorded, and leaves nothing to find", async (guest, reason) => {
    const request = start(guest);
    const instance = await launch(request);
    const exit = await instance.exited;
    expect(exit.reason).toBe(reason);
    expect(backend.exitRecord(dir)).toEqual(exit);
    await instance.discard();
    await instance.gone;
    expect(await find(request.uuid)).toBeUndefined();
    await expect(instance.status()).rejects.toMatchObject({ code: "VMM_DIED" });
    expect(log()).toContain(guest);
  });

  test("a destroyed domain is gone when destroy returns", async () => {
    const request = start("spin");
    const instance = await launch(request);
    await instance.destroy();
    expect(await instance.exited).toMatchObject({ reason: "killed" });
    expect(await find(request.uuid)).toBeUndefined();
    expect(backend.exitRecord(dir)).toMatchObject({ reason: "killed" });
  });

  test("a domain that was let go of runs on and is found again", async () => {
    const request = start("spin");
    const first = await launch(request);
    letGo(first);
    const second = await find(request.uuid);
    expect(await stateOf(second)).toBe("running");
    expect(second?.started).toEqual(first.started);
  });

  test("two observers of one domain both see its end", async () => {
    const request = start("spin");
    const first = await launch(request);
    const second = await find(request.uuid);
    await first.destroy();
    expect(await second?.exited).toMatchObject({ reason: "killed" });
  });

  test("what remains of a domain that has ended is found again, until it is discarded", async () => {
    const request = start("crash");
    const instance = await launch(request);
    const exit = await instance.exited;
    // KVM's go with their VMM.
    if (!instance.remains) return;
    letGo(instance);
    const found = await find(request.uuid);
    expect(found?.remains).toBe(true);
    expect(await found?.exited).toEqual(exit);
    await expect(found?.status()).rejects.toMatchObject({ code: "VMM_DIED" });
    await found?.discard();
    await found?.gone;
    expect(found?.remains).toBe(false);
    expect(await find(request.uuid)).toBeUndefined();
    expect(backend.exitRecord(dir)).toEqual(exit);
  });

  test("what remains becomes another domain, so that a new one can have its name and uuid", async () => {
    const own = join(dir, "own");
    mkdirSync(own);
    const request = { ...start("crash"), dir: own };
    const instance = await launch(request);
    const exit = await instance.exited;
    if (!instance.remains) return;
    const aside = { uuid: randomUUID(), name: "g-aside", dir: join(dir, "aside") };
    await instance.setAside(aside);
    mkdirSync(own);
    const again = await launch({ ...start("spin"), uuid: request.uuid, dir: own });
    const found = await backend.find(aside.dir, aside.uuid);
    expect(found?.remains).toBe(true);
    expect(backend.exitRecord(aside.dir)).toEqual(exit);
    await found?.destroy();
    expect(await stateOf(again)).toBe("running");
  });

  test("a domain takes another name", async () => {
    const instance = await launch(start("spin"));
    await instance.rename("another");
    expect(await stateOf(instance)).toBe("running");
  });

  test("a domain's memory is written to a new file, or the backend says that it cannot", async () => {
    const instance = await launch(start("spin"));
    const file = join(dir, "core");
    const failure = await instance.dumpCore(file).catch((error: unknown) => error);
    if (failure !== undefined) {
      expect(failure).toMatchObject({ code: "HOST_UNSUPPORTED" });
      return;
    }
    expect(statSync(file).size).toBeGreaterThan(0);
    expect(await stateOf(instance)).toBe("running");
    await expect(instance.dumpCore(file)).rejects.toMatchObject({ code: "FILE_EXISTS" });
  });

  test("a domain's share of the processors is what it was told, or the backend says that it cannot", async () => {
    const instance = await launch(start("spin"));
    const failure = await instance.setShare({ weight: 512 }).catch((error: unknown) => error);
    if (failure !== undefined) {
      expect(failure).toMatchObject({ code: "HOST_UNSUPPORTED" });
      for (const refused of [
        instance.pin({ cpus: "0" }),
        instance.setMaxMemory(64),
        instance.trigger("nmi", 0),
      ])
        await expect(refused).rejects.toMatchObject({ code: "HOST_UNSUPPORTED" });
      return;
    }
    await instance.setShare({ cap: 50 });
    await instance.pin({ vcpu: 0, cpus: "0" });
    const { scheduling } = await instance.status();
    expect(scheduling).toMatchObject({ weight: 512, cap: 50 });
    expect(["0", "all"]).toContain(scheduling?.affinity[0]?.cpus);
    await expect(instance.pin({ cpus: "9999" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(instance.pin({ vcpu: 9, cpus: "0" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("there is nothing to find where nothing was started", async () => {
    expect(await find(randomUUID())).toBeUndefined();
    expect(backend.exitRecord(dir)).toBeUndefined();
    expect(log()).toBe("");
    await expect(backend.openConsole(dir)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
  });

  test("a domain is not found under another uuid", async () => {
    await launch(start("spin"));
    expect(await find(randomUUID())).toBeUndefined();
  });

  test("a launch that fails says why and leaves no file", async () => {
    const request = start("spin", { kernel: join(dir, "absent") });
    await expect(backend.launch(request)).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      details: { field: "kernel" },
    });
    expect(readdirSync(dir)).toEqual([]);
    expect(await find(request.uuid)).toBeUndefined();
  });

  test("a domain can be launched again where one has ended", async () => {
    const request = start("poweroff");
    const first = await launch(request);
    await first.exited;
    await first.discard();
    const again = await launch({ ...request, startPaused: true });
    expect(await stateOf(again)).toBe("paused");
    expect(backend.exitRecord(dir)).toBeUndefined();
  });

  test("a guest that cannot be asked to shut down is left as it is", async () => {
    const instance = await launch(start("spin"));
    await expect(instance.shutdown()).rejects.toMatchObject({ code: "DOMAIN_STATE" });
    expect(await stateOf(instance)).toBe("running");
  });

  test.each(["reboot", "sysrq"] as const)(
    "a guest that does not listen for %s is left as it is",
    async (request) => {
      const instance = await launch(start("spin"));
      const asked = request === "reboot" ? instance.reboot() : instance.sysrq("h");
      await expect(asked).rejects.toMatchObject({ code: "DOMAIN_STATE" });
      expect(await stateOf(instance)).toBe("running");
    },
  );

  test("a domain tells what it has, and takes what its config allows", async () => {
    const instance = await launch(start("spin", { maxmem: 64, maxvcpus: 2 }));
    expect(await instance.status()).toMatchObject({
      state: "running",
      memoryNow: 32,
      vcpus: { online: 1, max: 2 },
      devices: [],
    });
    await instance.setMemory(64);
    await instance.setVcpus(2);
    await expect(instance.setMemory(65)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "memory" },
    });
    await expect(instance.setVcpus(3)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "vcpus" },
    });
  });

  test("what a domain does not have cannot be taken from it", async () => {
    const instance = await launch(start("spin"));
    for (const detached of [instance.detachDisk("xvda", true), instance.detachVif(0, false)]) {
      await expect(detached).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND" });
    }
  });

  test("a disk comes, is shown, is the only one of its number, and goes", async () => {
    const image = join(dir, "disk.img");
    writeFileSync(image, new Uint8Array(1 << 20));
    const instance = await launch(start("spin"));
    const disk = parseDisk(`${image},raw,xvdb,r`);
    const attached = await instance.attachDisk(disk);
    expect(attached).toMatchObject({ kind: "vbd", id: 51728, name: "xvdb", target: image, readonly: true });
    expect((await instance.status()).devices).toMatchObject([{ id: 51728, name: "xvdb" }]);
    await expect(instance.attachDisk(parseDisk(`${image},raw,d1`))).rejects.toMatchObject({
      code: "DEVICE_TAKEN",
    });
    await instance.detachDisk("d1", true);
    expect((await instance.status()).devices).toEqual([]);
  });

  test("the console gives the earlier output, takes input, and ends with the domain", async () => {
    const instance = await launch(start("echo"));
    await waitFor(() => expect(log()).toContain("echo"));
    const console = await backend.openConsole(dir);
    let seen = "";
    console.on("data", (bytes) => {
      seen += bytes.toString();
    });
    const ended = new Promise((resolve) => console.once("end", resolve));
    await waitFor(() => expect(seen).toContain("echo"));
    console.write("hello\n");
    await waitFor(() => expect(seen).toContain("echo: hello\n"));
    console.write("quit\n");
    await ended;
    expect(await instance.exited).toMatchObject({ reason: "poweroff" });
    expect(log()).toContain("echo: hello\n");
  });

  test("a runtime directory may have a path longer than a socket address", async () => {
    const long = join(dir, "d".repeat(100), "e".repeat(100));
    mkdirSync(long, { recursive: true });
    const request = { ...start("echo"), dir: long };
    const instance = await launch(request);
    const console = await backend.openConsole(long);
    let seen = "";
    console.on("data", (bytes) => {
      seen += bytes.toString();
    });
    await waitFor(() => expect(seen).toContain("echo"));
    console.destroy();
    const found = await backend.find(long, request.uuid);
    expect(await stateOf(found)).toBe("running");
    found?.disconnect();
    await instance.destroy();
  });
}
