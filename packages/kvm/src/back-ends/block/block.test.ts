import { statSync, truncateSync } from "node:fs";
import { BLKIF_OP, BLKIF_RSP, sring } from "@pvh/abi";
import { afterEach, describe, expect, test } from "vitest";
import { soon, until } from "../host.testing.ts";
import { XENBUS } from "../xenbus.ts";
import { BlockGuest, type FrontEndOptions, numberedImage, PAGE } from "./front-end.testing.ts";

const { READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE } = BLKIF_OP;
const { OKAY, ERROR, EOPNOTSUPP } = BLKIF_RSP;

let guest: BlockGuest | undefined;
const begin = (options: FrontEndOptions = {}) => {
  guest = new BlockGuest(options);
  return guest.connect();
};
afterEach(async () => {
  await guest?.remove();
  // Whatever happened, nothing of the guest's is held, and no port bound.
  expect(guest?.host.inUse.size ?? 0).toBe(0);
  expect([...(guest?.host.ports.values() ?? [])].every(({ notified }) => notified === undefined)).toBe(true);
  guest = undefined;
});

describe.each([
  { io: "auto", protocol: "x86_64-abi" },
  { io: "threads", protocol: "x86_64-abi" },
  { io: "auto", protocol: "x86_32-abi", order: 1 },
] as const)("with %o", (options) => {
  test("reads and writes what the segments say, and nothing else", async () => {
    const g = await begin(options);
    g.data(0).fill(0xee);
    g.data(1).fill(0xee);
    const read = g.transfer(READ, 1n, 5, [
      { page: 0, first: 2, last: 3 },
      { page: 1, first: 7, last: 7 },
    ]);
    expect(await g.ask(read)).toEqual([{ id: 1n, operation: READ, status: OKAY }]);
    expect(g.data(0)[2 * 512]).toBe(5);
    expect(g.data(0)[4 * 512 - 1]).toBe(6);
    expect(g.data(1)[7 * 512]).toBe(7);
    expect([g.data(0)[2 * 512 - 1], g.data(0)[4 * 512], g.data(1)[7 * 512 - 1]]).toEqual([0xee, 0xee, 0xee]);

    g.data(2).fill(0xaa);
    const write = g.transfer(WRITE, 0xffff_ffff_ffff_fffen, 9, [{ page: 2, first: 1, last: 2 }]);
    expect(await g.ask(write)).toEqual([{ id: 0xffff_ffff_ffff_fffen, operation: WRITE, status: OKAY }]);
    const expected = numberedImage();
    expected.fill(0xaa, 9 * 512, 11 * 512);
    expect(g.image()).toEqual(expected);
  });

  test("does many requests at once, over and over", async () => {
    const g = await begin(options);
    for (let round = 0; round < 5; round++) {
      const ids = Array.from({ length: g.ringSize }, (_, i) => i);
      const entries = ids.map((id) =>
        g.transfer(READ, BigInt(id), (id + round) % 120, [{ page: id, first: 0, last: 7 }]),
      );
      const responses = await g.ask(...entries);
      expect(responses.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(ids);
      expect(responses.every(({ status }) => status === OKAY)).toBe(true);
      for (const id of ids) expect(g.data(id)[PAGE - 1]).toBe(((id + round) % 120) + 7);
    }
    expect(g.notifications).toBeGreaterThan(0);
  });

  test("takes 256 segments from an indirect page", async () => {
    const g = await begin({ ...options, image: numberedImage(4096) });
    const segments = Array.from({ length: 256 }, (_, page) => ({ page }));
    expect(await g.ask(g.indirect(READ, 7n, 100, 300, segments))).toEqual([
      { id: 7n, operation: READ, status: OKAY },
    ]);
    for (let page = 0; page < 256; page++) expect(g.data(page)[0]).toBe((100 + page * 8) & 0xff);
    const backwards = segments.toReversed();
    expect((await g.ask(g.indirect(WRITE, 8n, 100, 300, backwards)))[0]?.status).toBe(OKAY);
    expect(g.image()[100 * 512]).toBe((100 + 255 * 8) & 0xff);

    const tooMany = Array.from({ length: 257 }, (_, page) => ({ page }));
    expect((await g.ask(g.indirect(READ, 9n, 0, 300, tooMany)))[0]?.status).toBe(ERROR);
    expect((await g.ask(g.indirect(READ, 9n, 0, 300, [])))[0]?.status).toBe(ERROR);
    expect((await g.ask(g.indirect(FLUSH_DISKCACHE, 9n, 0, 300, segments)))[0]?.status).toBe(ERROR);
  });

  test("flushes, alone and before data", async () => {
    const g = await begin(options);
    expect((await g.ask(g.transfer(FLUSH_DISKCACHE, 3n, 0, [])))[0]).toEqual({
      id: 3n,
      operation: FLUSH_DISKCACHE,
      status: OKAY,
    });
    g.data(0).fill(1);
    expect((await g.ask(g.transfer(FLUSH_DISKCACHE, 3n, 1, [{ page: 0 }])))[0]?.status).toBe(OKAY);
    expect(g.image()[512]).toBe(1);
  });

  test("a barrier comes after all before it and before all after it", async () => {
    const g = await begin(options);
    const pages = [0, 1, 2, 3, 4, 5, 6];
    for (const page of pages) g.data(page).fill(0x10 + page);
    // All to the same place: only the order tells what stands there.
    const at = (operation: number, page: number) => g.transfer(operation, BigInt(page), 0, [{ page }]);
    const responses = await g.ask(
      at(WRITE, 0),
      at(WRITE, 1),
      at(WRITE_BARRIER, 2),
      g.transfer(READ, 3n, 0, [{ page: 8 }]),
      g.transfer(WRITE_BARRIER, 9n, 0, []),
      at(WRITE, 4),
    );
    const order = responses.map(({ id }) => Number(id));
    expect(order.slice(0, 2).sort()).toEqual([0, 1]);
    expect(order.slice(2)).toEqual([2, 3, 9, 4]);
    expect(responses.every(({ status }) => status === OKAY)).toBe(true);
    expect(g.data(8)[0]).toBe(0x12);
    expect(g.image()[0]).toBe(0x14);
  });

  test("discards give space back and read as zeros", async () => {
    const g = await begin({ ...options, image: new Uint8Array(1 << 20).fill(1) });
    const blocks = statSync(g.path).blocks;
    const responses = await g.ask(g.discard(1n, 0, 1024), g.discard(2n, 1024, 512), g.discard(3n, 5, 0));
    expect(responses.map(({ id, status }) => [Number(id), status]).sort()).toEqual([
      [1, OKAY],
      [2, OKAY],
      [3, OKAY],
    ]);
    expect(statSync(g.path).blocks).toBeLessThanOrEqual(blocks - 1536);
    expect(g.image().length).toBe(1 << 20);
    expect(g.image()[1536 * 512 - 1]).toBe(0);
    expect(g.image()[1536 * 512]).toBe(1);
    expect((await g.ask(g.discard(4n, 2000, 49)))[0]?.status).toBe(ERROR);
    expect((await g.ask(g.discard(4n, 2n ** 63n, 2n ** 63n)))[0]?.status).toBe(ERROR);
  });

  test("an image that has become shorter is an I/O error", async () => {
    const g = await begin(options);
    truncateSync(g.path, 512);
    expect((await g.ask(g.transfer(READ, 1n, 0, [{ page: 0 }])))[0]?.status).toBe(ERROR);
  });
});

test.each([
  ["beyond the end", 121, [{ page: 0 }]],
  ["just at the end", 128, [{ page: 0, first: 0, last: 0 }]],
  ["far beyond", 2n ** 64n - 1n, [{ page: 0 }]],
  ["wrapping round", 2n ** 64n - 4n, [{ page: 0 }]],
  ["backwards", 0, [{ page: 0, first: 3, last: 2 }]],
  ["beyond the page", 0, [{ page: 0, first: 0, last: 8 }]],
  ["beyond the page from beyond", 0, [{ page: 0, first: 200, last: 255 }]],
  ["without segments", 0, []],
  ["with too many", 0, Array.from({ length: 12 }, () => ({ page: 0, first: 0, last: 0 }))],
  ["of what is not granted", 0, [{ page: 0 }, { page: 1, gref: 999_999 }]],
  ["of what is no memory", 0, [{ page: 0 }, { page: 1, gref: 5000 }]],
])("a transfer %s is refused, and the device lives", async (_name, sector, segments) => {
  const g = await begin();
  g.host.granted.set(5000, { gpa: 0x7000_0000 });
  for (const operation of [READ, WRITE, WRITE_BARRIER]) {
    if (operation === WRITE_BARRIER && segments.length === 0) continue;
    const [response] = await g.ask(g.transfer(operation, 4n, sector, segments));
    expect(response).toEqual({ id: 4n, operation, status: ERROR });
  }
  expect(g.image()).toEqual(numberedImage());
  expect((await g.ask(g.transfer(READ, 4n, 120, [{ page: 0 }])))[0]?.status).toBe(OKAY);
});

test("pages granted for reading only are written to by nobody", async () => {
  const g = await begin();
  const granted = g.host.granted.get(g.gref(0));
  if (granted !== undefined) granted.readonly = true;
  expect((await g.ask(g.transfer(READ, 1n, 0, [{ page: 0 }])))[0]?.status).toBe(ERROR);
  expect((await g.ask(g.transfer(WRITE, 1n, 0, [{ page: 0 }])))[0]?.status).toBe(OKAY);
});

test("unknown operations are not supported", async () => {
  const g = await begin();
  for (const operation of [4, 7, 255]) {
    expect(await g.ask(g.transfer(operation, 1n, 0, []))).toEqual([
      { id: 1n, operation, status: EOPNOTSUPP },
    ]);
  }
});

test("a disk that is read-only says so and takes no writes", async () => {
  const g = await begin({ config: { readonly: true } });
  expect([g.back("mode"), g.back("info"), g.back("feature-discard")]).toEqual(["r", "4", "0"]);
  const responses = await g.ask(
    g.transfer(WRITE, 1n, 0, [{ page: 0 }]),
    g.transfer(WRITE_BARRIER, 2n, 0, [{ page: 0 }]),
    g.indirect(WRITE, 3n, 0, 1, [{ page: 0 }]),
    g.discard(4n, 0, 8),
    g.transfer(FLUSH_DISKCACHE, 5n, 0, []),
    g.transfer(WRITE_BARRIER, 6n, 0, []),
    g.transfer(READ, 7n, 0, [{ page: 0 }]),
  );
  const status = new Map(responses.map(({ id, status }) => [Number(id), status]));
  expect([1, 2, 3, 4, 5, 6, 7].map((id) => status.get(id))).toEqual([
    ERROR,
    ERROR,
    ERROR,
    EOPNOTSUPP,
    OKAY,
    OKAY,
    OKAY,
  ]);
  expect(g.image()).toEqual(numberedImage());
});

test("what the disk is stands in the back end's directory", async () => {
  const g = await begin({ image: new Uint8Array(1000 * 512 + 100), config: { discard: false } });
  expect([g.back("sectors"), g.back("sector-size"), g.back("info"), g.back("feature-discard")]).toEqual([
    "1000",
    "512",
    "0",
    "0",
  ]);
  expect((await g.ask(g.discard(1n, 0, 8)))[0]?.status).toBe(EOPNOTSUPP);
  expect((await g.ask(g.transfer(READ, 1n, 999, [{ page: 0, first: 0, last: 0 }])))[0]?.status).toBe(OKAY);
});

test("four queues of sixteen pages each", async () => {
  const g = await begin({ queues: 4, order: 4, image: numberedImage(256) });
  expect(g.ringSize).toBe(512);
  for (let queue = 0; queue < 4; queue++) {
    for (let i = 0; i < 100; i++) {
      g.put(g.transfer(READ, BigInt(i), queue * 8, [{ page: queue * 100 + i }]), queue);
    }
    g.push(queue);
  }
  for (let queue = 0; queue < 4; queue++) {
    const responses = await g.responses(100, queue);
    expect(responses.every(({ status }) => status === OKAY)).toBe(true);
    expect(g.data(queue * 100 + 99)[0]).toBe(queue * 8);
  }
});

test("requests that were there before the connection are served", async () => {
  guest = new BlockGuest();
  const g = guest;
  g.announce();
  g.put(g.transfer(READ, 1n, 3, [{ page: 0 }]));
  g.push();
  expect((await g.responses(1))[0]?.status).toBe(OKAY);
});

test("a kernel takes the disk over from a boot loader", async () => {
  const g = await begin({ protocol: "x86_32-abi" });
  expect((await g.ask(g.transfer(READ, 1n, 3, [{ page: 0 }])))[0]?.status).toBe(OKAY);
  await g.close();
  expect(g.host.inUse.size).toBe(0);
  g.write("state", `${XENBUS.initialising}`);
  await until(() => g.device.state === XENBUS.initWait);
  await g.connect();
  expect((await g.ask(g.transfer(READ, 1n, 4, [{ page: 0 }])))[0]?.status).toBe(OKAY);
});

test.each(["auto", "threads"] as const)("I/O in flight ends before grants are released (%s)", async (io) => {
  const g = await begin({ io, order: 2, image: numberedImage(8192) });
  for (let i = 0; i < 100; i++) {
    const pages = Array.from({ length: 11 }, (_, k) => ({ page: (i * 5 + k) % 500 }));
    g.put(g.transfer(WRITE, BigInt(i), (i * 80) % 8000, pages));
  }
  g.put(g.transfer(WRITE_BARRIER, 100n, 0, [{ page: 0 }]));
  g.push();
  await until(() => g.host.inUse.size > 4 || g.take().length > 0);
  g.write("state", `${XENBUS.closed}`);
  await until(() => g.device.state === XENBUS.closed);
  expect(g.host.inUse.size).toBe(0);
  const produced = sring.decode(g.ringPage(0, 0)).rsp_prod;
  await soon(20);
  expect(sring.decode(g.ringPage(0, 0)).rsp_prod).toBe(produced);
});

test("an index beyond the ring closes the device", async () => {
  const g = await begin();
  sring.writeTo(g.ringPage(0, 0), 0, { req_prod: 33 });
  g.host.send(10);
  await until(() => g.device.state === XENBUS.closed);
  expect(g.back("error")).toContain("beyond its end");
  expect(g.host.inUse.size).toBe(0);
});

test.each<[string, Record<string, string>, string]>([
  ["protocol", { protocol: "arm-abi" }, "x86_64-abi or x86_32-abi"],
  ["queues", { "multi-queue-num-queues": "5" }, "from 1 to 4"],
  ["no queue", { "multi-queue-num-queues": "0" }, "from 1 to 4"],
  ["pages", { "ring-page-order": "5" }, "from 0 to 4"],
  ["reference", { "ring-ref": "-1" }, "ring-ref must be"],
  ["text", { "ring-ref": "1e3" }, "ring-ref must be"],
  ["not granted", { "ring-ref": "4000000000" }, "cannot be mapped"],
  ["no memory", { "ring-ref": "5000" }, "not memory"],
  ["port", { "event-channel": "77" }, "cannot be bound"],
  ["port 0", { "event-channel": "0" }, "event-channel must be"],
  ["missing pages", { "ring-page-order": "1" }, "ring-ref0 must be"],
  ["missing queues", { "multi-queue-num-queues": "2" }, "queue-0/ring-ref must be"],
])("a front end with a wrong %s is refused", async (_name, nodes, sentence) => {
  guest = new BlockGuest();
  const g = guest;
  g.host.granted.set(5000, { gpa: 0x7000_0000 });
  g.announce();
  for (const [name, value] of Object.entries(nodes)) g.write(name, value);
  await until(() => g.device.state === XENBUS.closed);
  expect(g.back("error")).toContain(sentence);
  expect(g.host.inUse.size).toBe(0);
});

test("a queue that cannot be had releases those before it", async () => {
  guest = new BlockGuest({ queues: 2 });
  const g = guest;
  g.announce();
  g.write("queue-1/event-channel", "10");
  await until(() => g.device.state === XENBUS.closed);
  expect(g.back("error")).toContain("cannot be bound");
  expect(g.host.inUse.size).toBe(0);
  expect(g.host.ports.get(10)?.notified).toBeUndefined();
});
