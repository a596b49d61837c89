import { closeSync, mkdirSync, writeFileSync, write as writeLater } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { SHUTDOWN } from "@pvh/abi";
import { parseDisk } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { expect, test, vi } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { peerFailed, undecided } from "../transfer/problems.ts";
import type { Transfer } from "../transfer/sender.ts";
import { addDevice } from "./device-nodes.ts";
import { qdiskNodes } from "./disk-nodes.ts";
import { FakeHost } from "./fake-host.testing.ts";
import { readExit } from "./files.ts";
import type { XenInstance } from "./instance.ts";
import { recoverMigration } from "./interrupted-migration.ts";
import { readMigration, writeMigration } from "./migration-marker.ts";
import { untilDisksRest } from "./quiet-disks.ts";
import { readHead } from "./saved/head.ts";
import { decodeOwnData } from "./saved/own-data.ts";
import { bytesSource } from "./saved/source.ts";
import { refuseSharedDisk } from "./shared-disk.ts";
import { leaveStore } from "./store-nodes.ts";
import type { SendRequest } from "./worker/tasks.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const peer = "b.example:8002";
const request = "/local/domain/5/control/shutdown";
const MEMORY = "pages ".repeat(30_000);

/** The other side, which notes what it is told. */
class FakeTransfer implements Transfer {
  readonly peer = peer;
  readonly told: string[] = [];
  head: Uint8Array = new Uint8Array();
  pages = 0;
  memory = "";
  closedWith: unknown;
  /** What a step fails with. */
  readonly failures = new Map<string, unknown>();

  async offer(head: Uint8Array, pages: number): Promise<void> {
    this.#step("offer");
    Object.assign(this, { head, pages });
  }
  async pour(memory: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of memory) {
      this.#fail("pour");
      this.memory += Buffer.from(piece).toString();
    }
    this.told.push("pour");
  }
  async finish(): Promise<void> {
    this.#step("finish");
  }
  async permit(): Promise<void> {
    this.#step("permit");
  }
  async close(failure?: unknown): Promise<void> {
    this.closedWith = failure;
  }
  #step(name: string): void {
    this.told.push(name);
    this.#fail(name);
  }
  #fail(name: string): void {
    const failure = this.failures.get(name);
    if (failure !== undefined) throw failure;
  }
}

/** What libxenguest does. */
async function send({ fd }: SendRequest, suspended: () => Promise<boolean>): Promise<void> {
  try {
    await promisify(writeLater)(fd, MEMORY);
    if (!(await suspended())) throw new PvhError("DOMAIN_STATE", "The guest has not suspended.");
    await promisify(writeLater)(fd, "and the rest");
  } catch (error) {
    throw error instanceof PvhError ? error : new PvhError("XEN_CALL", "xc_domain_save() failed: EPIPE");
  } finally {
    closeSync(fd);
  }
}

async function suspends(host: FakeHost): Promise<void> {
  await eventually(async () => expect(await host.store.read(request)).toBe("suspend"));
  await host.store.write(request, "");
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  host.released();
}

async function running(host: FakeHost): Promise<{ instance: XenInstance; transfer: FakeTransfer }> {
  host.workers.sends = send;
  return { instance: await host.start(uuid), transfer: new FakeTransfer() };
}

const departure = (transfer: FakeTransfer) => ({ connect: async () => transfer, live: true });

test("a domain is sent, is permitted to run there, and then ends here", async () => {
  await using host = new FakeHost();
  const { instance, transfer } = await running(host);
  let step: string | undefined;
  vi.spyOn(transfer, "permit").mockImplementation(async () => {
    step = readMigration(host.dir)?.step;
  });
  await Promise.all([instance.migrate(departure(transfer)), suspends(host)]);
  expect(transfer.told).toEqual(["offer", "pour", "finish"]);
  expect(transfer.memory).toBe(`${MEMORY}and the rest`);
  expect(transfer.pages).toBe(64 * 256);
  const { own = "" } = readHead(bytesSource(transfer.head));
  expect(decodeOwnData(own)?.config).toMatchObject({ name: "g", uuid, memory: 64 });
  // Whoever is started when this one was killed there must not let it run.
  expect(step).toBe("permitted");
  expect(await instance.exited).toMatchObject({ reason: "suspend", detail: `It was migrated to ${peer}.` });
  await instance.gone;
  expect(await host.store.list("/local/domain")).toEqual(["0"]);
  expect(readMigration(host.dir)).toBeUndefined();
  expect(host.workers.calls).not.toContain("resume");
});

test.each(["offer", "pour", "finish", "permit"])("a failure of %s lets it go on here", async (step) => {
  await using host = new FakeHost();
  const { instance, transfer } = await running(host);
  const failure = new PvhError("HOST_MEMORY", "There is too little.");
  transfer.failures.set(step, failure);
  const suspending = suspends(host).catch(() => {});
  await expect(instance.migrate(departure(transfer))).rejects.toBe(failure);
  expect(transfer.closedWith).toBe(failure);
  expect(await instance.status()).toMatchObject({ state: "running" });
  expect(readMigration(host.dir)).toBeUndefined();
  if (step === "finish" || step === "permit") expect(host.workers.calls.slice(-1)).toEqual(["resume"]);
  await suspending;
});

test("a failure of the hypervisor's is told to the other side", async () => {
  await using host = new FakeHost();
  const { instance, transfer } = await running(host);
  host.workers.sends = async ({ fd }) => {
    closeSync(fd);
    throw new PvhError("XEN_CALL", "xc_domain_save() failed: EINVAL");
  };
  await expect(instance.migrate(departure(transfer))).rejects.toMatchObject({ code: "XEN_CALL" });
  expect(transfer.closedWith).toMatchObject({ code: "XEN_CALL" });
  expect(await instance.status()).toMatchObject({ state: "running" });
});

test("when nobody can be reached nothing has happened", async () => {
  await using host = new FakeHost();
  const { instance } = await running(host);
  const connect = async () => {
    throw peerFailed(peer, "cannot be reached");
  };
  await expect(instance.migrate({ connect, live: true })).rejects.toMatchObject({ code: "MIGRATION_PEER" });
  await expect(instance.detachDisk("xvda", false)).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND" });
  expect(await host.store.read(request)).toBe("");
});

test("when nobody knows whether it runs there it stays paused here", async () => {
  await using host = new FakeHost();
  const { instance, transfer } = await running(host);
  transfer.failures.set("permit", undecided(peer, new Error("silence")));
  await expect(Promise.all([instance.migrate(departure(transfer)), suspends(host)])).rejects.toMatchObject({
    code: "MIGRATION_UNDECIDED",
  });
  expect(host.workers.calls.slice(-2)).toEqual(["pause", "resume"]);
  expect(readMigration(host.dir)).toBeUndefined();
  expect(readExit(host.dir)).toBeUndefined();
});

test("what cannot be migrated is refused before anybody is connected to", async () => {
  await using host = new FakeHost();
  const connect = vi.fn();
  const classic = await host.start(uuid, { bootInterface: "classic" });
  await expect(classic.migrate({ connect, live: true })).rejects.toThrow(
    "The xen backend cannot migrate a classic guest; its kernel would crash when it suspends",
  );
  host.workers.domains = host.workers.domains.map((one) => ({ ...one, paused: true }));
  const direct = await host.start(uuid);
  await expect(direct.migrate({ connect, live: true })).rejects.toMatchObject({ code: "DOMAIN_STATE" });
  await addDevice(host.store, 5, qdiskNodes(parseDisk("/a,qcow2,xvda")));
  await expect(direct.migrate({ connect, live: true })).rejects.toThrow(
    "The xen backend cannot migrate a domain whose disk xvda QEMU serves; both hosts would have the image open",
  );
  expect(connect).not.toHaveBeenCalled();
});

test("a daemon that was killed in the midst of it is cleaned up after", async () => {
  await using host = new FakeHost();
  await running(host);
  const recover = () => recoverMigration(host, host.dir, 5, host.workers.domains[0]);
  expect(await recover()).toEqual({ found: host.workers.domains[0] });

  writeMigration(host.dir, { peer, step: "sending" });
  await host.store.write(request, "suspend");
  expect(await recover()).toMatchObject({ found: host.workers.domains[0], suspension: { active: false } });
  expect([await host.store.read(request), readMigration(host.dir)]).toEqual(["", undefined]);

  writeMigration(host.dir, { peer, step: "sending" });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  expect(await recover()).toMatchObject({ found: { paused: false }, suspension: { active: false } });
  expect(host.workers.calls).toEqual(["resume"]);

  writeMigration(host.dir, { peer, step: "permitted" });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  expect(await recover()).toMatchObject({ found: { paused: true } });
  expect(host.workers.calls.slice(1)).toEqual(["pause", "resume"]);
  expect(readMigration(host.dir)).toBeUndefined();

  writeMigration(host.dir, { peer, step: "moved" });
  host.workers.shutDown(uuid, SHUTDOWN.suspend);
  expect(await recover()).toEqual({ moved: peer });
});

test("a domain is sent when its disks are at rest", async () => {
  await using host = new FakeHost();
  const { store } = host;
  const sys = join(host.dir, "sys");
  mkdirSync(join(sys, "dev/block/7:31"), { recursive: true });
  const inflight = join(sys, "dev/block/7:31/inflight");
  const disk = { dev: "xvda", mode: "w", "physical-device": "7:1f" };
  for (const [node, value] of Object.entries(disk)) {
    await store.write(`/local/domain/0/backend/vbd/5/51712/${node}`, value);
  }
  // One that is gone has nothing to do.
  await untilDisksRest(store, 5, { sys });
  writeFileSync(inflight, "       0        2\n");
  await expect(untilDisksRest(store, 5, { sys, patienceMs: 20 })).rejects.toThrow(
    /its disk xvda within 0.02 s/,
  );
  const resting = untilDisksRest(store, 5, { sys });
  writeFileSync(inflight, "       0        0\n");
  await resting;
  writeFileSync(inflight, "       1        0\n");
  await store.write("/local/domain/0/backend/vbd/5/51712/mode", "r");
  await untilDisksRest(store, 5, { sys });
});

test("a disk is taken from a domain that has let go of it, and from no other", async () => {
  await using host = new FakeHost();
  const { store } = host;
  for (const [node, value] of Object.entries({ dev: "xvda", mode: "w", params: "/dev/null" })) {
    await store.write(`/local/domain/0/backend/vbd/4/51712/${node}`, value);
  }
  await refuseSharedDisk(store, "/dev/null", false, 5, [4]);
  await expect(refuseSharedDisk(store, "/dev/null", false, 5, [3])).rejects.toMatchObject({
    code: "DISK_IN_USE",
  });
});

test("a domain that has just come in takes its own name and uuid, also beside the one that it comes from", async () => {
  await using host = new FakeHost();
  const interim = "99999999-9999-4999-8999-999999999999";
  const instance = await host.start(interim, { name: "g--incoming" });
  const { store } = host;
  // The other one, on the same hypervisor.
  await store.write("/local/domain/4/name", "g");
  await store.write("/local/domain/4/vm", `/vm/${uuid}`);
  await store.write(`/vm/${uuid}/name`, "g");
  await instance.arrive({ uuid, name: "g", dir: host.dir });
  expect(instance.file).toMatchObject({ uuid, config: { name: "g", uuid } });
  expect(host.workers.domains).toMatchObject([{ domid: 5, uuid }]);
  expect(await store.read("/local/domain/5/name")).toBe("g");
  expect(await store.read(`/vm/${interim}/name`)).toBeUndefined();
  // What a daemon has left that was killed while it became the other one.
  await store.write("/local/domain/6/vm", "/vm/half");
  await store.write("/vm/half/name", "half");
  await leaveStore(store, 6, interim);
  expect(await store.list("/vm")).toEqual([uuid]);
  // When the other one goes this one has all that it needs.
  await leaveStore(store, 4, uuid);
  expect(await store.read(`/vm/${uuid}/name`)).toBe("g");
  await instance.destroy();
  expect(await store.list("/vm")).toEqual([]);
});
