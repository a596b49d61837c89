import { BLKIF_OP, sring } from "@pvh/abi";
import fc from "fast-check";
import { expect, test } from "vitest";
import { soon, until } from "../host.testing.ts";
import { XENBUS } from "../xenbus.ts";
import { BlockGuest, numberedImage, PAGE } from "./front-end.testing.ts";

/** Pages from here on are not granted, and have to stay as they are. */
const UNGRANTED = 8;
const CHECKED = 16;
const CANARY = 0x5a;

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 60, max: 90 }),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const sector = fc.oneof(
  fc.bigInt({ min: 0n, max: 140n }),
  fc.bigInt({ min: 2n ** 64n - 200n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const operation = fc.oneof(fc.constantFrom(...Object.values(BLKIF_OP)), fc.integer({ min: 0, max: 255 }));
const segment = fc.record({
  page: fc.integer({ min: 0, max: CHECKED }),
  first: fc.integer({ min: 0, max: 9 }),
  last: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(255)),
});

/** A request that looks like one, or any bytes. */
const entry = (guest: BlockGuest) =>
  fc.oneof(
    fc
      .tuple(operation, sector, fc.array(segment, { maxLength: 13 }))
      .map(([operation, at, segments]) => guest.transfer(operation, 1n, at, segments)),
    fc
      .tuple(operation, fc.integer({ min: 0, max: 140 }), fc.array(segment, { maxLength: 300 }))
      .map(([operation, at, segments]) => guest.indirect(operation, 2n, at, 0, segments)),
    fc.tuple(sector, sector).map(([at, count]) => guest.discard(3n, at, count)),
    fc.uint8Array({ minLength: guest.entrySize, maxLength: guest.entrySize }),
  );

test.each([
  { io: "auto", protocol: "x86_64-abi" },
  { io: "auto", protocol: "x86_32-abi" },
  { io: "threads", protocol: "x86_64-abi" },
] as const)("whatever stands in the ring, memory and image keep their bounds: %o", async (options) => {
  const guest = new BlockGuest(options);
  for (let page = UNGRANTED; page < CHECKED; page++) {
    guest.data(page).fill(CANARY);
    guest.host.granted.delete(guest.gref(page));
  }
  guest.host.granted.set(77, { gpa: 0x7fff_f000 });
  guest.host.granted.set(78, { gpa: guest.host.memory.slots[0]?.end ?? 0 });
  const size = numberedImage().length;

  const round = fc.tuple(fc.array(entry(guest), { maxLength: 40 }), fc.option(u32, { freq: 4 }), u32);
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
      if (guest.device.state !== XENBUS.connected) {
        guest.write("state", `${XENBUS.closed}`);
        await until(() => guest.device.state === XENBUS.closed);
        await guest.connect();
      }
      for (const [entries, index, event] of rounds) {
        for (const bytes of entries) guest.put(bytes);
        sring.writeTo(guest.ringPage(0, 0), 0, { req_event: event, rsp_event: event });
        guest.push();
        if (index !== null) sring.writeTo(guest.ringPage(0, 0), 0, { req_prod: index });
        await soon(2);
        if (guest.device.state === XENBUS.connected) guest.take();
      }
      for (let page = UNGRANTED; page < CHECKED; page++) {
        expect(guest.data(page).every((byte) => byte === CANARY)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
  expect(guest.image().length).toBe(size);
  await guest.close().catch(() => undefined);
  await until(() => guest.host.inUse.size === 0, "release of all grants");
  // The image and the VMM work as before.
  guest.write("state", `${XENBUS.initialising}`);
  await until(() => guest.device.state === XENBUS.initWait);
  await guest.connect();
  guest.data(0).fill(3);
  const [response] = await guest.ask(guest.transfer(BLKIF_OP.WRITE, 1n, 0, [{ page: 0 }]));
  expect(response?.status).toBe(0);
  expect(
    guest
      .image()
      .subarray(0, PAGE)
      .every((byte) => byte === 3),
  ).toBe(true);
  await guest.remove();
  expect(guest.host.inUse.size).toBe(0);
});

test("a read-only image stays as it is whatever is asked for", async () => {
  const guest = await new BlockGuest({ config: { readonly: true } }).connect();
  await fc.assert(
    fc.asyncProperty(fc.array(entry(guest), { maxLength: 30 }), async (entries) => {
      for (const bytes of entries) guest.put(bytes);
      guest.push();
      await guest.responses(entries.length);
    }),
    { numRuns: 40 },
  );
  expect(guest.image()).toEqual(numberedImage());
  await guest.remove();
});

test("requests that never end leave the event loop to others", async () => {
  const guest = await new BlockGuest().connect();
  for (let i = 0; i < guest.ringSize; i++) guest.put(new Uint8Array(guest.entrySize).fill(255));
  // As another vCPU does that adds requests all the time.
  let looked = 0;
  const flood = () => {
    sring.writeTo(guest.ringPage(0, 0), 0, {
      req_prod: (sring.decode(guest.ringPage(0, 0)).rsp_prod + guest.ringSize) >>> 0,
    });
    guest.host.send(10);
    if (looked++ < 100) setImmediate(flood);
  };
  flood();
  await until(() => looked > 100);
  await guest.remove();
});
