import { constants } from "node:os";
import {
  BLKIF_OP,
  BLKIF_RSP,
  blkifRequest64,
  blkifRequestDiscard64,
  blkifResponse64,
  PAGE_SIZE,
  sring,
} from "@pvh/abi";
import { beforeEach, expect, test } from "vitest";
import { GuestMemory } from "../../guest-memory.ts";
import { FakeHost } from "../host.testing.ts";
import { BackRing } from "../ring.ts";
import type { DiskIo, Done, Piece } from "./disk-io.ts";
import { requestLayout } from "./layout.ts";
import { BlockQueue } from "./queue.ts";

/** Operations that have been asked for and not ended, in order. */
let asked: { what: string; done: Done; pieces: readonly Piece[] }[];
let host: FakeHost;
let queue: BlockQueue;
let produced: number;
let violation: string | undefined;

const PORT = 3;
const RING = 0;
const DATA = 1;

function start(limits: { readonly?: boolean; discard?: boolean } = {}): void {
  asked = [];
  produced = 0;
  violation = undefined;
  host = new FakeHost(new GuestMemory([{ gpa: 0, buffer: new ArrayBuffer(8 * PAGE_SIZE) }]));
  for (let page = 0; page < 8; page++) host.granted.set(page, { gpa: page * PAGE_SIZE });
  host.ports.set(PORT, { notifications: 0 });
  const ask =
    (what: string) =>
    (offset: number, pieces: readonly Piece[], done: Done): void => {
      asked.push({ what: `${what} ${offset}`, pieces, done });
    };
  const io: DiskIo = {
    name: "threads",
    read: ask("read"),
    write: ask("write"),
    sync: (done) => asked.push({ what: "sync", pieces: [], done }),
    submit: () => undefined,
    close: () => undefined,
  };
  const layout = requestLayout("x86_64-abi");
  const ring = layout && BackRing.attach(host.memory, [RING], layout.size);
  if (layout === undefined || ring === undefined) throw new Error("no ring");
  sring.writeTo(host.memory.bytes(RING, PAGE_SIZE), 0, { req_event: 1, rsp_event: 1 });
  queue = new BlockQueue(
    {
      ring,
      layout,
      access: host,
      disk: {
        io,
        limits: { sectors: 1000, readonly: false, discard: true, ...limits },
        discard: (offset, length, done) => {
          asked.push({ what: `discard ${offset} ${length}`, pieces: [], done });
        },
      },
      violated: (message) => {
        violation = message;
      },
    },
    (notified) => host.bindInterdomain(PORT, notified),
  );
}
beforeEach(() => start());

/** Ids are counted from 0. One page of data from sector 8 times the id. */
function request(...operations: number[]): void {
  const memory = host.memory.bytes(RING, PAGE_SIZE);
  for (const operation of operations) {
    const id = produced++;
    const segment = BigInt(DATA) | (7n << 40n);
    const flush = operation === BLKIF_OP.FLUSH_DISKCACHE;
    const entry =
      operation === BLKIF_OP.DISCARD
        ? blkifRequestDiscard64.encode({ operation, id, sector_number: id * 8, nr_sectors: 8 })
        : blkifRequest64.encode({
            operation,
            nr_segments: flush ? 0 : 1,
            id,
            sector_number: id * 8,
            seg: [segment],
          });
    memory.set(entry, sring.size + id * blkifRequest64.size);
  }
  sring.writeTo(memory, 0, { req_prod: produced });
  queue.work();
}
/** Ends one operation. */
function end(what: string, result: number): void {
  const at = asked.findIndex((operation) => operation.what === what);
  const [operation] = asked.splice(at, at < 0 ? 0 : 1);
  if (operation === undefined) throw new Error(`${what} was not asked for`);
  operation.done(result);
  queue.settle();
}
const pending = () => asked.map(({ what }) => what);
const responses = () => {
  const memory = host.memory.bytes(RING, PAGE_SIZE);
  return Array.from({ length: sring.decode(memory).rsp_prod }, (_, i) => {
    const { id, status } = blkifResponse64.decode(memory, sring.size + i * blkifRequest64.size);
    return [Number(id), status];
  });
};
const turn = () => new Promise(setImmediate);
const { READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE, DISCARD } = BLKIF_OP;
const { OKAY, ERROR, EOPNOTSUPP } = BLKIF_RSP;

test("answers in the order in which operations end, and notifies for each batch", () => {
  request(READ, WRITE, FLUSH_DISKCACHE, DISCARD);
  expect(pending()).toEqual(["read 0", "write 4096", "sync", "discard 12288 4096"]);
  expect(host.inUse.get(DATA)).toBe(2);
  end("discard 12288 4096", 0);
  end("write 4096", 4096);
  expect(responses()).toEqual([
    [3, OKAY],
    [1, OKAY],
  ]);
  // The front end asked to hear of the first response only.
  expect(host.ports.get(PORT)?.notifications).toBe(1);
  end("read 0", 4096);
  end("sync", 0);
  expect(responses()).toHaveLength(4);
  expect(host.inUse.size).toBe(0);
});

test("a barrier waits for all before it, and holds back all after it", async () => {
  request(WRITE, READ, WRITE_BARRIER, WRITE);
  expect(pending()).toEqual(["write 0", "read 4096"]);
  end("write 0", 4096);
  await turn();
  expect(pending()).toEqual(["read 4096"]);
  end("read 4096", 4096);
  expect(pending()).toEqual(["sync"]);
  end("sync", 0);
  expect(pending()).toEqual(["write 8192"]);
  end("write 8192", 4096);
  expect(pending()).toEqual(["sync"]);
  request(READ);
  expect(pending()).toEqual(["sync"]);
  expect(responses()).toHaveLength(2);
  end("sync", 0);
  await turn();
  expect(responses()).toHaveLength(3);
  expect(pending()).toEqual(["write 12288", "read 16384"]);
});

test("what moves less than was asked for goes on with the rest", () => {
  request(READ);
  end("read 0", 512);
  expect(asked).toMatchObject([{ what: "read 512", pieces: [{ at: PAGE_SIZE + 512, length: 3584 }] }]);
  expect(responses()).toEqual([]);
  end("read 512", 3000);
  end("read 3512", 584);
  expect(responses()).toEqual([[0, OKAY]]);
});

test("failures are answered, and end the steps of a request", () => {
  request(READ, WRITE, FLUSH_DISKCACHE, DISCARD, WRITE_BARRIER);
  end("read 0", -constants.errno.EIO);
  end("write 4096", 0);
  end("sync", -constants.errno.ENOSPC);
  end("discard 12288 4096", -constants.errno.EOPNOTSUPP);
  end("sync", -constants.errno.EIO);
  expect(pending()).toEqual([]);
  expect(responses()).toEqual([
    [0, ERROR],
    [1, ERROR],
    [2, ERROR],
    [3, EOPNOTSUPP],
    [4, ERROR],
  ]);
  expect(host.inUse.size).toBe(0);
});

test("a read-only disk is asked for nothing but reads", () => {
  start({ readonly: true });
  request(WRITE, DISCARD, WRITE_BARRIER, FLUSH_DISKCACHE, READ);
  expect(pending()).toEqual(["read 16384"]);
});

test("stopping waits for what runs, drops what waits, and writes to the ring no more", async () => {
  request(WRITE, WRITE_BARRIER);
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  await turn();
  expect(stopped).toBe(false);
  expect(host.ports.get(PORT)?.notified).toBeUndefined();
  expect(host.inUse.get(DATA)).toBe(1);
  end("write 0", 4096);
  await stopping;
  expect(host.inUse.size).toBe(0);
  expect(responses()).toEqual([]);
  expect(pending()).toEqual([]);
  request(READ);
  await turn();
  expect(pending()).toEqual([]);
});

test("an index that cannot be is told, and nothing is taken any more", async () => {
  request(READ);
  produced = 40;
  sring.writeTo(host.memory.bytes(RING, PAGE_SIZE), 0, { req_prod: 40 });
  queue.work();
  expect(violation).toContain("beyond its end");
  end("read 0", 4096);
  expect(responses()).toEqual([]);
  expect(host.inUse.size).toBe(0);
});
