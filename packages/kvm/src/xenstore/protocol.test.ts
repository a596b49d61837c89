import { XENSTORE_PAYLOAD_MAX, XS, xsdSockmsg } from "@pvh/abi";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OutgoingMessage, StoreConnection } from "./protocol.ts";
import { request, storeWithHome, TestClient } from "./store.testing.ts";

describe("requests of a guest", () => {
  test("those for toolstacks are refused, unknown ones are not known", () => {
    const one = new TestClient(storeWithHome(), 1);
    const refused = [XS.CONTROL, XS.INTRODUCE, XS.RELEASE, XS.RESUME, XS.SET_TARGET, XS.IS_DOMAIN_INTRODUCED];
    for (const type of refused) expect(one.ask(type, "1\x002\x003\0")).toBe("EACCES");
    for (const type of [XS.WATCH_EVENT, XS.ERROR, 20, 23, 0xffff, 0xffffffff]) {
      expect(one.ask(type, "/\0")).toBe("ENOSYS");
    }
  });

  test.for([
    [XS.READ, ""],
    [XS.READ, "x"],
    [XS.READ, "x\0y\0"],
    [XS.DIRECTORY, ""],
    [XS.DIRECTORY_PART, "x\0"],
    [XS.DIRECTORY_PART, "x\x000\x000\0"],
    [XS.GET_PERMS, "/x"],
    [XS.MKDIR, "\0"],
    [XS.RM, "x\0y"],
    [XS.WRITE, "no NUL"],
    [XS.SET_PERMS, "x\0"],
    [XS.WATCH, "x\0"],
    [XS.WATCH, "x\0t\x001\x002\0"],
    [XS.UNWATCH, "x\0"],
    [XS.GET_DOMAIN_PATH, "1"],
    [XS.TRANSACTION_END, ""],
  ] as const)("type %s with payload %j is invalid", ([type, payload]) => {
    expect(new TestClient(storeWithHome(), 1).ask(type, payload)).toBe("EINVAL");
  });

  test("replies carry the numbers of their request", () => {
    const one = new TestClient(storeWithHome(), 1);
    const transaction = one.start();
    one.connection.receive(request(XS.DIRECTORY, "/local/domain/1\0", transaction, 77));
    one.connection.receive(request(XS.READ, "/local/domain/1\0", 4711, 78));
    expect(one.messages).toEqual([
      { type: XS.DIRECTORY, requestId: 77, transactionId: transaction, payload: "" },
      { type: XS.ERROR, requestId: 78, transactionId: 4711, payload: "ENOENT\0" },
    ]);
  });
});

describe("the stream", () => {
  test("may come in any pieces", () => {
    const requests = [
      request(XS.WRITE, "a\0value", 0, 1),
      request(XS.RESET_WATCHES, "", 0, 2),
      request(XS.WATCH, "a\0t\0", 0, 3),
      request(XS.READ, "a\0", 0, 4),
    ];
    const stream = Uint8Array.from(requests.flatMap((bytes) => [...bytes]));
    const whole = new TestClient(storeWithHome(), 1);
    for (const bytes of requests) whole.connection.receive(bytes);
    expect(whole.messages.length).toBe(5);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (sizes) => {
        const pieces = new TestClient(storeWithHome(), 1);
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          pieces.connection.receive(stream.subarray(at, at + size));
          at += size;
        }
        expect(pieces.messages).toEqual(whole.messages);
      }),
      { numRuns: 50 },
    );
  });

  test("ends at a payload that is too long", () => {
    const one = new TestClient(storeWithHome(), 1);
    one.ask(XS.WATCH, "a\0t\0");
    one.events();
    const largest = request(XS.WRITE, `a\0${"v".repeat(XENSTORE_PAYLOAD_MAX - 2)}`, 0, 1);
    expect(one.connection.receive(largest)).toBe(true);
    const header = xsdSockmsg.encode({ type: XS.WRITE, len: XENSTORE_PAYLOAD_MAX + 1 });
    expect(one.connection.receive(header)).toBe(false);
    expect(one.connection.alive).toBe(false);
    expect(one.connection.receive(request(XS.READ, "a\0", 0, 1))).toBe(false);
    expect(one.messages.length).toBe(1);
  });
});

const hostileText = fc.oneof(
  fc.constantFrom(
    "a\0",
    "a\0b\0",
    "/\0",
    "a/b/c\0v",
    "@releaseDomain\0t\0",
    "T\0",
    "F\0",
    "x\0n1\0",
    "\0\0\0",
  ),
  fc.string({ unit: fc.constantFrom("a", "b", "/", "\0", "n1\0", "@", "9", "\u00ff"), maxLength: 200 }),
);
const hostileRequest = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 24 }), fc.nat()),
    transaction: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 15 })),
    payload: hostileText,
  })
  .map(({ type, transaction, payload }) => request(type, payload, transaction, 0));

test("each of any requests gets exactly one reply, and what the guest uses stays within its quotas", () => {
  fc.assert(
    fc.property(fc.array(hostileRequest, { minLength: 1, maxLength: 200 }), (requests) => {
      const store = storeWithHome({ nodes: 50, memory: 30_000 });
      const replies: OutgoingMessage[] = [];
      const connection = new StoreConnection(store, 1, (message) => {
        if (message.type !== XS.WATCH_EVENT) replies.push(message);
      });
      for (const bytes of requests) connection.receive(bytes);
      expect(replies.length).toBe(requests.length);
      const used = store.domains.find(1);
      expect(used?.nodes).toBeLessThanOrEqual(50);
      expect(used?.memory).toBeLessThan(30_000);
      expect(used?.watches).toBeLessThanOrEqual(129);
      connection.close();
      expect(store.domains.find(1)?.watches).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test("no bytes throw", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const one = new TestClient(storeWithHome(), 1);
      for (const piece of pieces) one.connection.receive(piece);
    }),
  );
});
