import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SHUTDOWN } from "@pvh/abi";
import { parseDisk } from "@pvh/builder";
import { identify, isAlive, processesIn } from "@pvh/kvm";
import { expect, test } from "vitest";
import { eventually } from "../eventually.testing.ts";
import { deviceConfigs } from "./device-configs.ts";
import { XenDevices } from "./devices.ts";
import { FakeHost } from "./fake-host.testing.ts";
import { FakeQemu } from "./fake-qemu.testing.ts";
import { FILES } from "./files.ts";
import type { XenInstance } from "./instance.ts";
import { endQemu, findQemu } from "./qemu-process.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const BACK_ENDS = "/local/domain/0/backend/qdisk";

async function started(host: FakeHost, { program }: FakeQemu): Promise<XenInstance> {
  return host.start(uuid, { device_model_override: program });
}

/** Nothing is there that a disk of QEMU needs. */
async function expectNothing({ store, dir }: FakeHost): Promise<void> {
  expect(findQemu(dir)).toBeUndefined();
  expect(existsSync(join(dir, FILES.qemu))).toBe(false);
  expect(await store.list(BACK_ENDS)).toEqual([]);
  expect(await store.list("/libxl/5/device/vbd")).toEqual([]);
  expect(await store.list("/local/domain/5/device/vbd")).toEqual([]);
  expect(await store.read("/local/domain/0/device-model/5/state")).toBeUndefined();
  expect(await store.read("/local/domain/5/image/device-model-pid")).toBeUndefined();
}

test("one QEMU serves all disks that need one: it comes with the first and goes with the last", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const instance = await started(host, qemu);
  const [a, b] = [qemu.image("a é.qcow2"), qemu.image("b.qcow2")];
  expect(await instance.attachDisk(parseDisk(`${a},qcow2,xvda,w`))).toEqual({
    ...{ kind: "vbd", id: 51712, name: "xvda", target: a, readonly: false, state: "init-wait" },
  });
  const process = findQemu(host.dir);
  expect(JSON.parse(readFileSync(join(host.dir, FILES.qemu), "utf8"))).toEqual(process);
  expect(await host.store.read("/local/domain/5/image/device-model-pid")).toBe(`${process?.pid}`);
  await instance.attachDisk(parseDisk(`${b},qcow2,xvdb,r,no-discard`));
  expect(findQemu(host.dir)).toEqual(process);

  const node = (path: string) => host.store.read(`${BACK_ENDS}/5/51728/${path}`);
  const nodes = ["params", "type", "mode", "dev", "discard-enable", "online", "bootable", "script"];
  expect(await Promise.all(nodes.map(node))).toEqual([
    ...[`qcow2:${b}`, "qdisk", "r", "xvdb", "0", "1", "1", undefined],
  ]);
  expect(await host.store.read("/local/domain/5/device/vbd/51728/backend")).toBe(`${BACK_ENDS}/5/51728`);
  expect((await deviceConfigs(host.store, 5)).disk).toEqual([
    parseDisk(`${a},qcow2,xvda,w`),
    parseDisk(`${b},qcow2,xvdb,r,no-discard`),
  ]);

  await instance.detachDisk("xvda", false);
  expect(findQemu(host.dir)).toEqual(process);
  expect((await instance.status()).devices).toMatchObject([{ name: "xvdb" }]);
  await instance.detachDisk("xvdb", true);
  await expectNothing(host);
});

test("what cannot be a disk is refused before QEMU is started", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const instance = await started(host, qemu);
  const used = qemu.image("used.qcow2");
  const other = `${BACK_ENDS}/7/51712`;
  for (const [node, value] of Object.entries({ params: `qcow2:${used}`, mode: "w", dev: "xvda" }))
    await host.store.write(`${other}/${node}`, value);
  await expect(instance.attachDisk(parseDisk(`${used},qcow2,xvda,r`))).rejects.toMatchObject({
    code: "DISK_IN_USE",
    message: expect.stringContaining(`${used} is xvda of domain 7`),
  });
  await host.store.remove(`${BACK_ENDS}/7`);

  const refusals: [string, string, RegExp][] = [
    [join(host.dir, "none"), "qcow2", /^disk: .*none cannot be used; check the path/],
    [qemu.image("text", Buffer.from("text")), "qcow2", /no image of format qcow2, it is of no format/],
    [qemu.image("qed", Buffer.from("QED\0")), "qcow2", /it is of format qed; set format to "qed"/],
    [used, "vhd", /no image of format vhd, it is of format qcow2/],
  ];
  for (const [target, format, message] of refusals) {
    await expect(instance.attachDisk(parseDisk(`${target},${format},xvda,w`))).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(message),
    });
  }
  expect(existsSync(join(host.dir, FILES.qemuLog))).toBe(false);
  await expectNothing(host);
});

test("what QEMU refuses is told in its words, and leaves nothing", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const instance = await started(host, qemu);
  qemu.refusal = "Could not open backing file";
  const attached = instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  await expect(attached).rejects.toMatchObject({
    code: "XEN_DEVICE",
    message: expect.stringMatching(/^QEMU cannot serve .*\/a: .*'51712': Could not open backing file\.$/),
    cause: expect.objectContaining({ message: expect.stringContaining("Could not open backing file") }),
  });
  await expectNothing(host);

  qemu.refusal = "Block node is read-only";
  await expect(instance.attachDisk(parseDisk(`${qemu.image("r")},qcow2,xvda,r`))).rejects.toMatchObject({
    code: "HOST_UNSUPPORTED",
    message: expect.stringMatching(
      /^disk: .*\/r is to be read only, but this QEMU serves images of format qcow2 only/,
    ),
    cause: { code: "XEN_DEVICE" },
  });
  await expectNothing(host);

  // The others stay.
  qemu.refusal = undefined;
  await instance.attachDisk(parseDisk(`${qemu.image("b")},qcow2,xvdb,w`));
  qemu.refusal = "again";
  await expect(instance.attachDisk(parseDisk(`${qemu.image("c")},qcow2,xvdc,w`))).rejects.toThrow(/again\.$/);
  expect((await instance.status()).devices).toMatchObject([{ name: "xvdb" }]);
  expect(findQemu(host.dir)).toBeDefined();
  await instance.destroy();
  await expectNothing(host);
});

test("a QEMU that ends instead of serving is told with its last words", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host, "echo unsupported machine type >&2; exit 1");
  // It may live long enough for this test's process to begin with the rest of it.
  qemu.deaf = true;
  const instance = await started(host, qemu);
  const attached = instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  await expect(attached).rejects.toMatchObject({
    code: "XEN_DEVICE",
    message: "QEMU has ended: unsupported machine type.",
  });
  await expectNothing(host);
});

test("a QEMU that cannot be run is named, and leaves nothing", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  writeFileSync(qemu.program, "#!/is/not/there\n");
  const instance = await started(host, qemu);
  const attached = instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  await expect(attached).rejects.toMatchObject({ code: "XEN_DEVICE", details: { found: qemu.program } });
  await expectNothing(host);
  await eventually(() => expect(processesIn(host.dir, () => true)).toEqual([]));
});

test("a QEMU that complains without end fills no disk, and goes on", async () => {
  await using host = new FakeHost();
  const complaints = `for i in $(seq 200); do echo '${"guest: bad request ".repeat(3000)}'; done >&2`;
  const script = [
    "trap '' PIPE",
    complaints,
    "touch done",
    "trap 'exit 0' TERM",
    "while :; do sleep 0.02; done",
  ];
  await using qemu = new FakeQemu(host, script.join("\n"));
  const instance = await started(host, qemu);
  await instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  await eventually(() => expect(existsSync(join(host.dir, "done"))).toBe(true));
  await eventually(() => expect(statSync(join(host.dir, FILES.qemuLog)).size).toBeGreaterThan(2 ** 20));
  expect(statSync(join(host.dir, FILES.qemuLog)).size).toBeLessThanOrEqual(4 * 2 ** 20);
  expect(findQemu(host.dir)).toBeDefined();
  await instance.destroy();
  await expectNothing(host);
  await eventually(() => expect(processesIn(host.dir, () => true)).toEqual([]));
});

test("a QEMU that has died keeps nobody waiting, and the next disk has another", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const instance = await started(host, qemu);
  await instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  const first = findQemu(host.dir);
  if (first === undefined) throw new Error("no QEMU");
  process.kill(first.pid, "SIGKILL");
  await eventually(() => expect(isAlive(first)).toBe(false));
  await instance.attachDisk(parseDisk(`${qemu.image("b")},qcow2,xvdb,w`));
  const second = findQemu(host.dir);
  expect(second).not.toEqual(first);
  if (second === undefined) throw new Error("no QEMU");
  process.kill(second.pid, "SIGKILL");
  await eventually(() => expect(isAlive(second)).toBe(false));
  const before = performance.now();
  await instance.detachDisk("xvda", false);
  await instance.destroy();
  expect(performance.now() - before).toBeLessThan(9000);
  await expectNothing(host);
});

test("QEMU is found and ended by whoever comes later, also when it was never recorded", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const instance = await started(host, qemu);
  await instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  const process = findQemu(host.dir);
  rmSync(join(host.dir, FILES.qemu));
  expect(findQemu(host.dir)).toEqual(process);
  // The directory of a domain that is set aside has another name.
  const dir = `${host.dir}-aside`;
  renameSync(host.dir, dir);
  try {
    expect(findQemu(dir)).toEqual(process);
    await endQemu(dir);
    expect(findQemu(dir)).toBeUndefined();
  } finally {
    renameSync(dir, host.dir);
  }
});

test("a process that has got the number of a QEMU is nobody's QEMU", async () => {
  await using host = new FakeHost();
  const own = identify(process.pid);
  const record = { pid: process.pid, startTime: `${Number(own?.startTime) - 1}` };
  writeFileSync(join(host.dir, FILES.qemu), JSON.stringify(record));
  writeFileSync(join(host.dir, FILES.qemuLog), "");
  expect(findQemu(host.dir)).toBeUndefined();
  await endQemu(host.dir);
  expect(existsSync(join(host.dir, FILES.qemu))).toBe(false);
});

test("a domain that ends while its disk is attached waits for nobody, and no QEMU stays", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  qemu.deaf = true;
  const instance = await started(host, qemu);
  const attached = instance.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  const refused = expect(attached).rejects.toMatchObject({ code: "VMM_DIED" });
  await eventually(() => expect(findQemu(host.dir)).toBeDefined());
  await instance.destroy();
  await refused;
  await expectNothing(host);
});

test("a soft reset starts QEMU anew", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  const target = qemu.image("a");
  const disk = [`${target},qcow2,xvda,w`];
  const instance = await host.start(uuid, { device_model_override: qemu.program, disk });
  await instance.attachDisk(parseDisk(`${target},qcow2,xvda,w`));
  const first = findQemu(host.dir);
  host.workers.shutDown(uuid, SHUTDOWN.soft_reset);
  host.released();
  await instance.exited;
  const next = await instance.softReset();
  expect((await next.status()).devices).toMatchObject([{ name: "xvda", state: "init-wait" }]);
  expect(findQemu(host.dir)).toBeDefined();
  expect(findQemu(host.dir)).not.toEqual(first);
  await next.destroy();
  await expectNothing(host);
});

test("a domain that is over gets no QEMU", async () => {
  await using host = new FakeHost();
  await using qemu = new FakeQemu(host);
  await started(host, qemu);
  const devices = new XenDevices(host, { domid: 5, uuid, dir: () => host.dir, program: qemu.program });
  await devices.removeAll();
  const attached = devices.attachDisk(parseDisk(`${qemu.image("a")},qcow2,xvda,w`));
  await expect(attached).rejects.toMatchObject({ code: "VMM_DIED" });
  await expectNothing(host);
});
