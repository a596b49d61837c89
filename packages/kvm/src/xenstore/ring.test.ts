import { XENSTORE_CONNECTION, XENSTORE_ERROR, XENSTORE_SERVER_FEATURE, XS, xsdSockmsg } from "@pvh/abi";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StoreRing } from "./ring.ts";
import { type IndexField, RingGuest, request, storeWithHome, TestClient } from "./store.testing.ts";

const read = (path: string) => request(XS.READ, `${path}\0`);
const write = (path: string, value: string) => request(XS.WRITE, `${path}\0${value}`);

describe("the ring", () => {
  test("carries requests and replies that are longer than it is", () => {
    const guest = new RingGuest(storeWithHome());
    const value = "0123456789".repeat(200);
    for (const start of [0, 1000, 0xfffffe00]) {
      for (const index of ["req_cons", "req_prod", "rsp_cons", "rsp_prod"] as const) guest.set(index, start);
      const replies = guest.exchange([write("a", value), read("a"), read("absent")]);
      expect(replies.map(({ type, payload }) => [type, payload])).toEqual([
        [XS.WRITE, "OK\0"],
        [XS.READ, value],
        [XS.ERROR, "ENOENT\0"],
      ]);
    }
    expect(guest.get("server_features")).toBe(
      XENSTORE_SERVER_FEATURE.RECONNECTION | XENSTORE_SERVER_FEATURE.ERROR,
    );
  });

  test("notifies when it has moved something, and only then", () => {
    const guest = new RingGuest(storeWithHome());
    guest.ring.service();
    expect(guest.notified).toBe(0);
    guest.put(read("a").subarray(0, 10));
    guest.ring.service();
    expect(guest.notified).toBe(1);
    guest.ring.service();
    expect(guest.notified).toBe(1);
  });

  test("events that others cause reach the guest without its asking", () => {
    const store = storeWithHome();
    const dom0 = new TestClient(store, 0);
    const guest = new RingGuest(store);
    guest.exchange([request(XS.WATCH, "control/shutdown\0t\0")]);
    guest.notified = 0;
    dom0.ask(XS.WRITE, "/local/domain/1/control/shutdown\0poweroff");
    expect(guest.notified).toBe(1);
    expect(guest.take()).toMatchObject([{ type: XS.WATCH_EVENT, payload: "control/shutdown\0t\0" }]);
  });

  test("a guest that takes no replies is not read any more, and loses none", () => {
    const store = storeWithHome();
    const guest = new RingGuest(store);
    guest.exchange([write("a", "v".repeat(1900))]);
    let sent = 0;
    for (let i = 0; i < 200; i++) {
      if (guest.put(read("a")) === read("a").length) sent++;
      guest.ring.service();
    }
    // One reply is partly in the ring, the queue holds the others, and the request ring is full.
    expect(store.domains.find(1)?.memory).toBeLessThan(21 * 4112 + 8000);
    expect(sent).toBeLessThan(20 + 1024 / read("a").length + 2);
    const rest = guest.exchange([]);
    expect(rest.filter(({ type }) => type === XS.READ).length).toBe(sent);
  });

  test("events that wait are bounded by the guest's memory, and each waits once", () => {
    const store = storeWithHome({ memory: 50_000 });
    const dom0 = new TestClient(store, 0);
    const guest = new RingGuest(store);
    guest.exchange([request(XS.WATCH, "data\0t\0")]);
    for (let i = 0; i < 2000; i++) dom0.ask(XS.WRITE, `/local/domain/1/data/${i % 1000}\0`);
    expect(store.domains.find(1)?.memory).toBeLessThan(50_000 + 1000);
    const events = guest.exchange([]).map(({ payload }) => payload);
    expect(events.length).toBeGreaterThan(100);
    // Those that had left the queue for the ring can come again.
    expect(events.length - new Set(events).size).toBeLessThan(60);
  });

  test("one call does a bounded amount of work, however fast the guest is", () => {
    // Another vCPU takes all output and fills the ring again as soon as something is taken.
    let taken = 0;
    class RacingPage extends Uint8Array<ArrayBuffer> {
      override slice(start = 0, end = 0): Uint8Array<ArrayBuffer> {
        taken += end - start;
        const view = new DataView(this.buffer);
        view.setUint32(2052, view.getUint32(2048, true) + (end - start) + 1000, true);
        view.setUint32(2056, view.getUint32(2060, true), true);
        return new Uint8Array(this.buffer).slice(start, end);
      }
    }
    const page = new RacingPage(new ArrayBuffer(4096));
    new DataView(page.buffer).setUint32(2052, 1000, true);
    const ring = new StoreRing(storeWithHome(), 1, page, () => {});
    expect(ring.service()).toBe(true);
    expect(ring.alive).toBe(true);
    expect(taken).toBeGreaterThan(1000);
    expect(taken).toBeLessThanOrEqual(256 * 16);
    ring.close();
  });
});

describe("a ring that cannot be served", () => {
  test.for([
    ["req_prod", 1025],
    ["req_cons", 19],
    ["req_prod", 0xffffffff],
    ["rsp_cons", 1],
    ["rsp_prod", 1025],
    ["rsp_prod", 0x80000000],
  ] as const)("%s %s", ([field, value]) => {
    const store = storeWithHome();
    const guest = new RingGuest(store);
    guest.put(read("a"));
    guest.set(field, value);
    guest.ring.service();
    expect(guest.ring.alive).toBe(false);
    expect(guest.get("error")).toBe(XENSTORE_ERROR.RINGIDX);
    const before = guest.page.slice();
    guest.ring.service();
    new TestClient(store, 0).ask(XS.WRITE, "/local/domain/1/x\0");
    expect(guest.page).toEqual(before);
  });

  test("has an error for a payload that is too long, and starts again when the guest asks", () => {
    const store = storeWithHome();
    const guest = new RingGuest(store);
    guest.exchange([request(XS.WATCH, "a\0t\0"), request(XS.TRANSACTION_START, "\0")]);
    guest.put(xsdSockmsg.encode({ type: XS.READ, len: 4097 }));
    guest.ring.service();
    expect(guest.get("error")).toBe(XENSTORE_ERROR.PROTO);
    expect(store.domains.find(1)?.watches).toBe(0);
    guest.set("connection", XENSTORE_CONNECTION.RECONNECT);
    guest.notified = 0;
    guest.ring.service();
    expect(guest.notified).toBe(1);
    expect([guest.get("connection"), guest.get("error"), guest.get("req_prod")]).toEqual([0, 0, 0]);
    expect(guest.exchange([write("a", "v"), read("a")]).map(({ payload }) => payload)).toEqual(["OK\0", "v"]);
  });

  test("is left alone once it is closed", () => {
    const guest = new RingGuest(storeWithHome());
    guest.put(read("a"));
    guest.set("connection", XENSTORE_CONNECTION.RECONNECT);
    guest.ring.close();
    const before = guest.page.slice();
    expect(guest.ring.service()).toBe(false);
    guest.ring.restart();
    expect(guest.page).toEqual(before);
  });
});

test("whatever stands in the page, service() returns and memory stays bounded", () => {
  const field = fc.constantFrom<IndexField>(
    "req_cons",
    "req_prod",
    "rsp_cons",
    "rsp_prod",
    "connection",
    "error",
  );
  const value = fc.oneof(
    fc.integer({ min: 0, max: 2048 }),
    fc.nat(),
    fc.constantFrom(0xffffffff, 0xfffffc00),
  );
  const act = fc.oneof(
    fc.record({ bytes: fc.uint8Array({ maxLength: 100 }) }),
    fc.record({
      request: fc.constantFrom(read("a"), write("a", "v"), request(XS.WATCH, "a\0t\0")),
    }),
    fc.record({ field, value }),
    fc.record({ page: fc.uint8Array({ minLength: 0, maxLength: 2076 }) }),
    fc.constant({ take: true }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const store = storeWithHome({ memory: 100_000 });
      const dom0 = new TestClient(store, 0);
      const guest = new RingGuest(store);
      for (const step of acts) {
        if ("bytes" in step) guest.put(step.bytes);
        else if ("request" in step) guest.put(step.request);
        else if ("field" in step) guest.set(step.field, step.value);
        else if ("page" in step) guest.page.set(step.page);
        else if ((guest.get("rsp_prod") - guest.get("rsp_cons")) >>> 0 <= 1024) guest.take();
        guest.ring.service();
        dom0.ask(XS.WRITE, "/local/domain/1/a\0x");
        expect(store.domains.find(1)?.memory).toBeLessThan(100_000 + 21 * 4112);
      }
    }),
    { numRuns: 200 },
  );
});
