import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { GuestMemory } from "../guest-memory.ts";
import { addDevice, type DevicePaths, removeDevice } from "../xenstore/device-nodes.ts";
import { FakeHost, soon, until } from "./host.testing.ts";
import { type BackEndDevice, type BackEndDriver, startBackEnd, XENBUS } from "./xenbus.ts";
import { nextStep, parseState } from "./xenbus-step.ts";

let host: FakeHost;
let paths: DevicePaths;
let device: BackEndDevice;
let calls: string[];
let release: () => void;
let refuse: string | undefined;

function start(driver: Partial<BackEndDriver> = {}): void {
  const whole: BackEndDriver = {
    connectAt: [XENBUS.initialised, XENBUS.connected],
    offer: () => ({ "feature-x": "1" }),
    connect: (front) => {
      calls.push(`connect ${front("ring-ref")}`);
      if (refuse !== undefined) throw new Error(refuse);
      return { sectors: "8" };
    },
    disconnect: () => {
      calls.push("disconnect");
      return new Promise((resolve) => {
        release = resolve;
        if (!slow) resolve();
      });
    },
    ...driver,
  };
  device = startBackEnd(host, "vbd", 51712, paths, () => whole);
}

let slow: boolean;

beforeEach(() => {
  host = new FakeHost(new GuestMemory([]));
  paths = addDevice(host.store, host.domid, {
    kind: "vbd",
    id: 51712,
    front: { "virtual-device": "51712" },
    frontReadOnly: { mtu: "1500" },
    back: { mode: "w" },
  });
  calls = [];
  slow = false;
  refuse = undefined;
  release = () => undefined;
});

const back = (name: string) => host.store.read(`${paths.back}/${name}`);
const front = (state: number | string) => host.store.write(`${paths.front}/state`, `${state}`);
async function connect(): Promise<void> {
  host.store.write(`${paths.front}/ring-ref`, "9");
  front(XENBUS.initialised);
  await until(() => device.state === XENBUS.connected);
}

describe("nodes", () => {
  test("are those of libxl, with its permissions", () => {
    expect(Object.fromEntries(host.store.nodes)).toMatchObject({
      "/local/domain/5/device/vbd/51712/backend": "/local/domain/0/backend/vbd/5/51712",
      "/local/domain/5/device/vbd/51712/backend-id": "0",
      "/local/domain/5/device/vbd/51712/state": "1",
      "/local/domain/5/device/vbd/51712/virtual-device": "51712",
      "/local/domain/0/backend/vbd/5/51712/frontend": "/local/domain/5/device/vbd/51712",
      "/local/domain/0/backend/vbd/5/51712/frontend-id": "5",
      "/local/domain/0/backend/vbd/5/51712/online": "1",
      "/local/domain/0/backend/vbd/5/51712/state": "1",
      "/local/domain/0/backend/vbd/5/51712/mode": "w",
      "/libxl/5/device/vbd/51712/backend": "/local/domain/0/backend/vbd/5/51712",
      "/libxl/5/device/vbd/51712/mode": "w",
    });
    expect(host.store.permissions.get(paths.front)).toEqual([
      { domid: 5, access: "none" },
      { domid: 0, access: "read" },
    ]);
    expect(host.store.permissions.get(paths.back)).toEqual([
      { domid: 0, access: "none" },
      { domid: 5, access: "read" },
    ]);
    expect(host.store.permissions.get(`${paths.front}/mtu`)).toEqual([
      { domid: 0, access: "none" },
      { domid: 5, access: "read" },
    ]);
    expect(host.store.permissions.get(paths.libxl)).toEqual([{ domid: 0, access: "none" }]);
  });

  test("go with empty directories above, and leave those of other devices", () => {
    const other = addDevice(host.store, host.domid, { kind: "vbd", id: 51728, front: {}, back: {} });
    removeDevice(host.store, paths);
    expect(host.store.read(paths.front)).toBeUndefined();
    expect(host.store.read(other.back)).toBe("");
    removeDevice(host.store, other);
    expect(host.store.list("/local/domain/5/device")).toEqual([]);
    expect(host.store.read("/local/domain/5/device")).toBe("");
    expect(host.store.read("/local/domain/0/backend/vbd")).toBeUndefined();
    expect(host.store.read("/libxl/5/device/vbd")).toBeUndefined();
    removeDevice(host.store, other);
  });
});

describe("the state machine", () => {
  test("offers, connects, follows a front end that closes, and starts again", async () => {
    start();
    expect(back("state")).toBe("2");
    expect(back("feature-x")).toBe("1");
    await connect();
    expect(calls).toEqual(["connect 9"]);
    expect([back("state"), back("sectors")]).toEqual(["4", "8"]);
    front(XENBUS.connected);
    await soon();
    expect(calls).toHaveLength(1);

    front(XENBUS.closing);
    await until(() => back("state") === "5");
    expect(calls).toHaveLength(1);
    front(XENBUS.closed);
    await until(() => back("state") === "6");
    expect(calls).toEqual(["connect 9", "disconnect"]);

    front(XENBUS.initialising);
    await until(() => back("state") === "2");
    await connect();
    expect(calls).toEqual(["connect 9", "disconnect", "connect 9"]);
  });

  test("is not Closed before the driver has let go", async () => {
    slow = true;
    start();
    await connect();
    front(XENBUS.closed);
    await until(() => calls.includes("disconnect"));
    front(XENBUS.initialising);
    await soon();
    expect(back("state")).toBe("4");
    release();
    await until(() => back("state") === "2");
  });

  test("connects a front end whose earlier states were never seen", async () => {
    start();
    front(XENBUS.connected);
    await until(() => back("state") === "4");
    front(XENBUS.closed);
    await until(() => back("state") === "6");
    await connect();
  });

  test("starts afresh when a kernel begins that did not close", async () => {
    start();
    await connect();
    front(XENBUS.initialising);
    await until(() => back("state") === "2");
    expect(calls).toEqual(["connect 9", "disconnect"]);
  });

  test("lets go when the guest removes its directory", async () => {
    start();
    await connect();
    host.store.remove(paths.front);
    await until(() => back("state") === "6");
    expect(calls).toEqual(["connect 9", "disconnect"]);
  });

  test("fails with the driver's sentence, and tries again when the front end says something new", async () => {
    start();
    await soon();
    refuse = "ring-ref must be a number";
    host.store.write(`${paths.front}/ring-ref`, "x");
    front(XENBUS.initialised);
    await until(() => back("state") === "6");
    expect(back("error")).toBe("vbd 51712: ring-ref must be a number");
    await soon();
    expect(calls).toHaveLength(1);
    refuse = undefined;
    front(XENBUS.initialising);
    await until(() => back("state") === "2");
    expect(back("error")).toBeUndefined();
    await connect();
  });

  test("a front end that failed may go on without being seen to close", async () => {
    start();
    await connect();
    device.fail("test");
    await until(() => back("state") === "6");
    front(XENBUS.closed);
    front(XENBUS.initialising);
    await connect();
  });

  test("disconnects when the driver finds a violation", async () => {
    start();
    await connect();
    device.fail("what\u{1f4a5} a ring");
    device.fail("once is enough");
    expect(back("state")).toBe("5");
    await until(() => back("state") === "6");
    expect(back("error")).toBe("vbd 51712: what?? a ring");
    expect(calls).toEqual(["connect 9", "disconnect"]);
  });

  test("a violation during connect disconnects too", async () => {
    start({
      connect: () => {
        device.fail("at once");
        return {};
      },
    });
    front(XENBUS.initialised);
    await until(() => back("state") === "6");
    await until(() => calls.includes("disconnect"));
  });

  test("a driver that fails to disconnect does not keep the device", async () => {
    start({ disconnect: () => Promise.reject(new Error("no")) });
    await connect();
    front(XENBUS.closed);
    await until(() => back("state") === "6");
  });
});

describe("removal", () => {
  test("asks the front end and serves it until it has closed", async () => {
    start();
    await connect();
    let removed = false;
    const removal = device.remove().then(() => {
      removed = true;
    });
    expect([back("online"), back("state")]).toEqual(["0", "5"]);
    front(XENBUS.closing);
    await soon();
    expect(calls).toEqual(["connect 9"]);
    expect(removed).toBe(false);
    front(XENBUS.closed);
    await removal;
    await device.closed;
    expect(calls).toEqual(["connect 9", "disconnect"]);
    expect(host.store.nodes.has(paths.back)).toBe(false);
    expect(host.store.nodes.has(paths.front)).toBe(false);
  });

  test("does not wait for ever, and not at all by force", async () => {
    start();
    await connect();
    await device.remove({ timeoutMs: 5 });
    expect(calls).toEqual(["connect 9", "disconnect"]);

    paths = addDevice(host.store, host.domid, { kind: "vbd", id: 51712, front: {}, back: {} });
    start();
    await connect();
    const polite = device.remove();
    await device.remove({ force: true });
    await polite;
    expect(host.store.nodes.has(paths.front)).toBe(false);
  });

  test("waits for the driver before the nodes go", async () => {
    slow = true;
    start();
    await connect();
    const removal = device.remove({ force: true });
    await soon();
    expect(host.store.nodes.has(paths.back)).toBe(true);
    release();
    await removal;
    expect(host.store.nodes.has(paths.back)).toBe(false);
    device.fail("too late");
    front(XENBUS.initialising);
    await soon();
    expect(host.store.nodes.has(paths.back)).toBe(false);
  });

  test("of a device that nothing uses is immediate", async () => {
    start();
    await device.remove();
    expect(calls).toEqual([]);
    await device.remove();
  });
});

test("states are single digits", () => {
  expect(["4", "0", "8", "9", "44", "-1", "4 ", "", undefined].map((text) => parseState(text))).toEqual([
    4, 0, 8, 0, 0, 0, 0, 0, 0,
  ]);
});

test("every step leads to another view, so that steps end", () => {
  const states = Object.values(XENBUS);
  for (const front of states) {
    for (const state of [1, 2, 4, 5, 6]) {
      for (const connected of state === 4 || state === 5 ? [true, false] : [false]) {
        let view = { state, front, connected, failed: false, leaving: false, connectAt: [3, 4] };
        let steps = 0;
        for (let step = nextStep(view); step !== undefined; step = nextStep(view), steps++) {
          expect(steps).toBeLessThan(4);
          if (step === "offer") view = { ...view, state: 2 };
          else if (step === "connect") view = { ...view, state: 4, connected: true };
          else if (step === "closing") view = { ...view, state: 5 };
          else view = { ...view, state: 6, connected: false };
        }
      }
    }
  }
});

test("whatever the guest writes, connects and disconnects alternate and the device can be removed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.integer({ min: 0, max: 9 }).map(String), fc.constantFrom("gone", "fail", "x", "")),
        {
          maxLength: 25,
        },
      ),
      fc.integer({ min: 0, max: 2 }),
      async (writes, pause) => {
        host = new FakeHost(new GuestMemory([]));
        paths = addDevice(host.store, host.domid, { kind: "vbd", id: 1, front: {}, back: {} });
        calls = [];
        start();
        for (const value of writes) {
          if (value === "gone") host.store.remove(paths.front);
          else if (value === "fail") device.fail("test");
          else front(value);
          await soon(pause);
        }
        await device.remove({ force: true });
        expect(calls.filter((_, i) => i % 2 === 0).every((call) => call.startsWith("connect"))).toBe(true);
        expect(calls.filter((_, i) => i % 2 === 1).every((call) => call === "disconnect")).toBe(true);
        expect(calls.length % 2).toBe(0);
        expect([...host.store.nodes.keys()].filter((node) => node.includes("vbd"))).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});
