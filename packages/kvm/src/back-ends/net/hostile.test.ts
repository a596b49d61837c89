import { sring } from "@pvh/abi";
import fc from "fast-check";
import { expect, test } from "vitest";
import { XENBUS } from "../xenbus.ts";
import { settled, TestGuest } from "./net.testing.ts";
import { withHeader } from "./packets.testing.ts";

/**
 * A front end that writes anything anywhere in its rings. Whatever it does, nothing throws, each granted page that is
 * not asked for stays as it is, and each access is ended.
 */

const LIVE = new Set<number>([XENBUS.connected, XENBUS.closed, XENBUS.closing]);
/** Transmit buffers, granted read-only, and between them frames that nobody was given. */
const BUFFERS = Array.from({ length: 20 }, (_, i) => ({ ref: 100 + i, frame: 600 + 2 * i }));
const FORBIDDEN = BUFFERS.map(({ frame }) => frame + 1);
const GRANTED_BYTE = 0x3c;
const FORBIDDEN_BYTE = 0xa5;
const OUTSIDE_RAM = { ref: 120, frame: 0x10000 };

const index = fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: -10, max: 10 }), fc.integer());
const ref = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 100, max: 130 }) }, fc.integer());
const size = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }),
  fc.constantFrom(0, 13, 14, 60, 4096, 4097, 0xffff),
);
const flags = fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 0xffff }));
const anyRequest = fc.record({
  gref: ref.map((value) => value >>> 0),
  offset: fc.oneof(fc.constant(0), size),
  flags,
  id: fc.nat(0xffff),
  size,
});
/** Nearly right, so that what comes behind the first checks is reached too. */
const plausibleRequest = fc.record({
  gref: fc.integer({ min: 100, max: 120 }),
  offset: fc.nat(64),
  flags: fc.constantFrom(0, 0, 4, 1, 8),
  id: fc.nat(0xffff),
  size: fc.integer({ min: 14, max: 4096 }),
});
const request = fc.oneof({ weight: 1, arbitrary: anyRequest }, { weight: 4, arbitrary: plausibleRequest });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), request: plausibleRequest }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("request" as const), request }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("extra" as const),
      bytes: fc.uint8Array({ minLength: 12, maxLength: 12 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("push" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("index" as const),
      ring: fc.constantFrom("tx" as const, "rx" as const),
      value: index,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("rubbish" as const),
      ring: fc.nat(1),
      bytes: fc.uint8Array({ minLength: 500, maxLength: 4000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("post" as const), count: fc.nat(300) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("arrive" as const),
      packet: fc.uint8Array({ maxLength: 3000 }),
      header: fc.uint8Array({ minLength: 10, maxLength: 10 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("revoke" as const), ref: ref.map((value) => value >>> 0) }),
  },
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

async function run(actions: Action[]): Promise<void> {
  const guest = new TestGuest();
  await guest.connect();
  for (const frame of FORBIDDEN) guest.frame(frame).fill(FORBIDDEN_BYTE);
  for (const { ref, frame } of BUFFERS) {
    guest.grants.set(ref, { frame, readOnly: true });
    guest.frame(frame).fill(GRANTED_BYTE);
  }
  guest.grants.set(OUTSIDE_RAM.ref, { frame: OUTSIDE_RAM.frame });
  for (const step of actions) {
    switch (step.kind) {
      case "request":
        guest.put(step.request);
        break;
      case "send":
        // A packet of its own, which a connection survives.
        guest.put({ ...step.request, flags: step.request.flags & 1 });
        guest.push();
        break;
      case "extra":
        guest.put(step.bytes);
        break;
      case "push":
        guest.push();
        break;
      case "index":
        guest.setShared(step.ring, { req_prod: step.value >>> 0 });
        guest.notify(step.ring);
        break;
      case "rubbish":
        guest.frame(step.ring).set(step.bytes, sring.size - 16);
        break;
      case "post":
        guest.post(step.count);
        break;
      case "arrive": {
        const packet = withHeader(step.packet);
        packet.set(step.header);
        guest.port.arrive(packet);
        break;
      }
      case "revoke":
        if (step.ref > 1) guest.grants.delete(step.ref);
        break;
    }
  }
  await settled();
  expect(LIVE.has(guest.device.state)).toBe(true);
  for (const { frame } of BUFFERS) expect(onlyBytes(guest.frame(frame), GRANTED_BYTE)).toBe(true);
  for (const frame of FORBIDDEN) expect(onlyBytes(guest.frame(frame), FORBIDDEN_BYTE)).toBe(true);
  for (const { frame } of guest.port.sent) {
    expect(frame.length).toBeLessThanOrEqual(0xffff);
    // Everything that went out comes from what was granted.
    expect(frame.includes(FORBIDDEN_BYTE)).toBe(false);
  }
  // Between turns only the rings are in use.
  for (const ref of guest.inUse.keys()) expect(ref).toBeLessThanOrEqual(1);
  await guest.device.remove({ force: true });
  expect(guest.inUse).toEqual(new Map());
}

function onlyBytes(bytes: Uint8Array, value: number): boolean {
  return bytes.every((byte) => byte === value);
}

test("a hostile front end harms nobody", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 60, size: "max" }), async (actions) => {
      await run(actions);
    }),
    { numRuns: 150 },
  );
});
