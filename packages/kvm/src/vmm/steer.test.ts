import { GuestConfig, parseDisk } from "@pvh/builder";
import { beforeEach, expect, test, vi } from "vitest";
import type { DeviceStatus } from "../protocol.ts";
import { type SteeredGuest, type SteeringCall, steer } from "./steer.ts";

const config = GuestConfig.parse({
  name: "g",
  type: "pvh",
  kernel: "/k",
  memory: 64,
  maxmem: 128,
  vcpus: 1,
  maxvcpus: 4,
});
const disk: DeviceStatus = { kind: "vbd", id: 51712, name: "xvda", target: "/a", state: "connected" };
const vif: DeviceStatus = {
  kind: "vif",
  id: 0,
  name: "vif1.0",
  mac: "00:16:3e:00:00:01",
  state: "init-wait",
};

/** What the guest was told, in order. */
let told: unknown[];
let listens: boolean;
let guest: SteeredGuest;

beforeEach(() => {
  told = [];
  listens = true;
  const tell = (...what: unknown[]) => {
    told.push(what);
    return listens;
  };
  guest = {
    request: (word) => tell("request", word),
    sysrq: (key) => tell("sysrq", key),
    setMemory: (memory) => void tell("memory", memory),
    setVcpus: (vcpus) => void tell("vcpus", vcpus),
    devices: () => [disk, vif],
    attachDisk: async ({ vdev }) => {
      tell("attach-disk", vdev);
      return { kind: "vbd", id: 51728, name: vdev, state: "init-wait" };
    },
    detachDisk: async (vdev, force) => void tell("detach-disk", vdev, force),
    attachVif: async () => {
      tell("attach-vif");
      return { ...vif, id: 1 };
    },
    detachVif: async (devid, force) => void tell("detach-vif", devid, force),
  };
});

const ask = (call: SteeringCall, paused = false) => steer(guest, config, paused, call);

test("each request reaches the guest once, in its words", async () => {
  await ask({ method: "reboot" });
  await ask({ method: "sysrq", key: "h" });
  await ask({ method: "set-memory", memory: 128 });
  await ask({ method: "set-vcpus", vcpus: 4 });
  expect(await ask({ method: "attach-disk", disk: parseDisk("/b,raw,xvdb") })).toMatchObject({ id: 51728 });
  // The number of d0 is that of xvda.
  await ask({ method: "detach-disk", vdev: "d0", force: true });
  expect(await ask({ method: "attach-vif", vif: {} })).toMatchObject({ id: 1 });
  await ask({ method: "detach-vif", devid: 0, force: false });
  expect(told).toEqual([
    ["request", "reboot"],
    ["sysrq", "h"],
    ["memory", 128],
    ["vcpus", 4],
    ["attach-disk", "xvdb"],
    ["detach-disk", "xvda", true],
    ["attach-vif"],
    ["detach-vif", 0, false],
  ]);
});

test.each([
  [{ method: "set-memory", memory: 129 }, "memory", "129", "a whole number of MiB from 1 to 128"],
  [{ method: "set-memory", memory: 0 }, "memory", "0", "a whole number of MiB from 1 to 128"],
  [{ method: "set-vcpus", vcpus: 5 }, "vcpus", "5", "a whole number from 1 to 4"],
  [{ method: "set-vcpus", vcpus: 0 }, "vcpus", "0", "a whole number from 1 to 4"],
] as const)("%j is refused by the config", async (call, field, found, allowed) => {
  await expect(ask(call)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    details: { field, found: Number(found), allowed },
  });
  expect(told).toEqual([]);
});

test("what a config without limits has is the most", async () => {
  const plain = GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", memory: 64 });
  const more = steer(guest, plain, false, { method: "set-memory", memory: 65 });
  await expect(more).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(steer(guest, plain, false, { method: "set-vcpus", vcpus: 2 })).rejects.toThrow("1 to 1");
});

test.each([
  [{ method: "attach-disk", disk: parseDisk("/b,raw,d0") }, "DEVICE_TAKEN", "vdev"],
  [{ method: "attach-disk", disk: parseDisk("/b,qcow2,d1") }, "CONFIG_KEY_UNSUPPORTED", "disk.format"],
  [{ method: "attach-vif", vif: { devid: 0 } }, "DEVICE_TAKEN", "devid"],
  [{ method: "attach-vif", vif: { mac: "00:16:3e:00:00:01" } }, "DEVICE_TAKEN", "mac"],
  [{ method: "detach-disk", vdev: "xvdb", force: false }, "DEVICE_NOT_FOUND", "vdev"],
  [{ method: "detach-disk", vdev: "nonsense", force: false }, "DEVICE_NOT_FOUND", "vdev"],
  [{ method: "detach-vif", devid: 51712, force: false }, "DEVICE_NOT_FOUND", "devid"],
] satisfies [SteeringCall, string, string][])("%j is %s", async (call, code, field) => {
  await expect(ask(call)).rejects.toMatchObject({ code, details: { field } });
  expect(told).toEqual([]);
});

test.each(["reboot", "sysrq"] as const)("%s needs a guest that listens and runs", async (method) => {
  const call: SteeringCall = method === "reboot" ? { method } : { method, key: "b" };
  await expect(ask(call, true)).rejects.toMatchObject({ code: "DOMAIN_STATE", details: { found: "paused" } });
  expect(told).toEqual([]);
  listens = false;
  await expect(ask(call)).rejects.toMatchObject({ code: "DOMAIN_STATE" });
});

test("a paused guest finds its new memory, vCPUs and devices when it goes on", async () => {
  await ask({ method: "set-memory", memory: 32 }, true);
  await ask({ method: "detach-vif", devid: 0, force: true }, true);
  expect(told).toHaveLength(2);
});

test("a guest that does not let go of a device is not waited for without end", async () => {
  vi.useFakeTimers();
  try {
    guest.detachVif = () => new Promise(() => {});
    const detached = ask({ method: "detach-vif", devid: 0, force: false });
    const refused = expect(detached).rejects.toMatchObject({
      code: "DOMAIN_STATE",
      details: { field: "force" },
    });
    await vi.advanceTimersByTimeAsync(10_000);
    await refused;
  } finally {
    vi.useRealTimers();
  }
});

test("a bare guest can be told nothing", async () => {
  const calls: SteeringCall[] = [
    { method: "reboot" },
    { method: "set-memory", memory: 64 },
    { method: "detach-vif", devid: 0, force: true },
  ];
  for (const call of calls) {
    await expect(steer(undefined, config, false, call)).rejects.toMatchObject({
      code: "DOMAIN_STATE",
      details: { field: "platform", found: "bare", allowed: "xen" },
    });
  }
});
