import { sring } from "@pvh/abi";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GuestMemory } from "../guest-memory.ts";
import { BackRing, ringEntries } from "./ring.ts";

/** As in the x86_32 protocol: entry 37 crosses from the first page to the second. */
const ENTRY = 108;
/** Not in order, and not adjacent: entries that cross a page go on elsewhere. */
const PAGES = [0x5000, 0x2000] as const;

function setUp(indices: Parameters<typeof sring.encode>[0] = { req_event: 1, rsp_event: 1 }) {
  const memory = new GuestMemory([{ gpa: 0x1000, buffer: new ArrayBuffer(0x6000) }]);
  const pages = PAGES.map((gpa) => memory.bytes(gpa, 4096));
  const write = (values: Parameters<typeof sring.encode>[0]) => {
    sring.writeTo(memory.bytes(PAGES[0], 4096), 0, values);
  };
  write(indices);
  const ring = BackRing.attach(memory, PAGES, ENTRY);
  if (ring === undefined) throw new Error("not attached");
  return { memory, pages, ring, write, shared: () => sring.decode(memory.bytes(PAGES[0], 4096)) };
}

test("sizes are those of blkif and netif rings", () => {
  expect(ringEntries(1, 112)).toBe(32);
  expect(ringEntries(1, 108)).toBe(32);
  expect(ringEntries(16, 112)).toBe(512);
  expect(ringEntries(1, 12)).toBe(256);
  expect(ringEntries(1, 8)).toBe(256);
});

test("pages that are not RAM give no ring", () => {
  const { memory } = setUp();
  expect(BackRing.attach(memory, [0x5000, 0x7000], ENTRY)).toBeUndefined();
  expect(BackRing.attach(memory, [], ENTRY)).toBeUndefined();
});

test("an entry that crosses pages is read and written whole", () => {
  const { pages, ring, write } = setUp();
  const index = 37;
  const flat = new Uint8Array(8192);
  flat.set(
    Array.from({ length: ENTRY }, (_, i) => i + 1),
    64 + index * ENTRY,
  );
  pages.forEach((page, i) => {
    page.set(flat.subarray(i * 4096, (i + 1) * 4096).subarray(i === 0 ? 64 : 0), i === 0 ? 64 : 0);
  });
  write({ req_prod: 38 });
  expect(ring.waiting()).toBe(38);
  for (let i = 0; i < 38; i++) ring.take();
  expect(new Uint8Array(ring.request.buffer)).toEqual(Uint8Array.from({ length: ENTRY }, (_, i) => i + 1));
});

test("the guest is notified when its event index is passed, once", () => {
  const { ring, write, shared } = setUp();
  write({ req_prod: 3 });
  expect(ring.waiting()).toBe(3);
  for (let i = 0; i < 3; i++) ring.take();
  expect(ring.finalCheck()).toBe(false);
  expect(shared().req_event).toBe(4);
  ring.response.setUint32(0, 0xabcd, true);
  ring.respond(12);
  expect(shared().rsp_prod).toBe(0);
  expect(ring.push()).toBe(true);
  expect(shared().rsp_prod).toBe(1);
  expect(ring.push()).toBe(false);
  write({ rsp_event: 3 });
  ring.respond(12);
  expect(ring.push()).toBe(false);
  ring.respond(12);
  expect(ring.push()).toBe(true);
  write({ req_prod: 4 });
  expect(ring.finalCheck()).toBe(true);
});

test("a producer index that cannot be is told", () => {
  const { ring, write } = setUp();
  write({ req_prod: ring.size });
  expect(ring.waiting()).toBe(ring.size);
  write({ req_prod: ring.size + 1 });
  expect(ring.waiting()).toBe(-1);
  write({ req_prod: 2 });
  ring.take();
  ring.take();
  write({ req_prod: 1 });
  expect(ring.waiting()).toBe(-1);
  expect(ring.finalCheck()).toBe(true);
});

test("indices wrap at 2^32", () => {
  const { ring, write, shared } = setUp({ rsp_prod: 0xffffffff, rsp_event: 0, req_prod: 0xffffffff });
  expect(ring.waiting()).toBe(0);
  write({ req_prod: 1 });
  expect(ring.waiting()).toBe(2);
  ring.take();
  ring.take();
  expect(ring.waiting()).toBe(0);
  ring.respond(4);
  expect(ring.push()).toBe(true);
  expect(shared().rsp_prod).toBe(0);
});

test("whatever the indices, only the ring's pages are touched and never more is taken than answered", () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 80 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word, word, word), { maxLength: 20 }), (rounds) => {
      const { memory, ring, write } = setUp();
      let open = 0;
      for (const [req_prod, req_event, rsp_prod, rsp_event] of rounds) {
        write({ req_prod, req_event, rsp_prod, rsp_event });
        const waiting = ring.waiting();
        expect(waiting + open).toBeLessThanOrEqual(ring.size);
        for (let i = 0; i < waiting; i++, open++) ring.take();
        for (; open > 3; open--) ring.respond(12);
        ring.push();
        ring.finalCheck();
      }
      for (const gpa of [0x1000, 0x3000, 0x4000, 0x6000]) {
        expect(memory.bytes(gpa, 4096).every((byte) => byte === 0)).toBe(true);
      }
    }),
  );
});
