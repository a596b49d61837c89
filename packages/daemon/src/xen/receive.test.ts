import { closeSync, read as readLater } from "node:fs";
import { promisify } from "node:util";
import { LIBXC_RECORD } from "@pvh/abi";
import { GuestConfig } from "@pvh/builder";
import { PvhError } from "@pvh/errors";
import { expect, test } from "vitest";
import type { Arrival } from "../transfer/receiver.ts";
import { FakeWorkers } from "./fake-host.testing.ts";
import { receiveDomain } from "./receive.ts";
import { leastRecords, libxcHeaders, pageData, record } from "./saved/saved.testing.ts";
import type { BuiltDomain, ReceiveRequest } from "./worker/tasks.ts";

const config = GuestConfig.parse({ name: "g", type: "pvh", kernel: "/k", memory: 64 });
const domain = { uuid: "11111111-1111-4111-8111-111111111111", config, cpupool: 0, msrRelaxed: false };
const whole = Buffer.concat([libxcHeaders(), ...leastRecords]);
const built: BuiltDomain = {
  domid: 5,
  bootInterface: "direct",
  stages: [],
  store: { gfn: 1, port: 1 },
  console: { gfn: 2, port: 2 },
};

function arrival(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Arrival & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    peer: "a.example:40000",
    head: new Uint8Array(),
    pages: 7,
    ready: async () => void said.push("ready"),
    memory: async function* () {
      yield* pieces;
    },
    permission: async () => {},
  };
}

/** Reads as libxenguest does, until enough is there, and gives what came. */
function reading(taken: Buffer[], enough = whole.length) {
  return async ({ fd }: ReceiveRequest, ready: () => void): Promise<BuiltDomain> => {
    try {
      ready();
      for (let length = 0; length < enough; ) {
        const buffer = Buffer.alloc(4096);
        const { bytesRead } = await promisify(readLater)(fd, buffer, 0, buffer.length, null);
        if (bytesRead === 0) throw new PvhError("XEN_CALL", "xc_domain_restore() failed: EOF");
        length += bytesRead;
        taken.push(buffer.subarray(0, bytesRead));
      }
      return built;
    } finally {
      closeSync(fd);
    }
  };
}

test("a domain is made of what comes, when there is one to take it", async () => {
  const workers = new FakeWorkers();
  const taken: Buffer[] = [];
  workers.receives = reading(taken);
  const coming = arrival([whole.subarray(0, 100), whole.subarray(100)]);
  expect(await receiveDomain(workers, domain, coming)).toBe(built);
  expect(coming.said).toEqual(["ready"]);
  expect(Buffer.concat(taken)).toEqual(whole);
});

test("where there is no place for it nothing is asked for", async () => {
  const workers = new FakeWorkers();
  workers.receives = async ({ fd }) => {
    closeSync(fd);
    throw new PvhError("HOST_MEMORY", "There is too little.");
  };
  const coming = arrival([whole]);
  await expect(receiveDomain(workers, domain, coming)).rejects.toMatchObject({ code: "HOST_MEMORY" });
  expect(coming.said).toEqual([]);
});

test("what is wrong never comes to libxenguest as a whole record", async () => {
  const workers = new FakeWorkers();
  const taken: Buffer[] = [];
  workers.receives = reading(taken);
  const [first = Buffer.alloc(0)] = leastRecords;
  const bad = record(LIBXC_RECORD.PAGE_DATA, pageData({ frame: 2 ** 30 }));
  const coming = arrival([libxcHeaders(), first, bad.subarray(0, 20), bad.subarray(20)]);
  const error: unknown = await receiveDomain(workers, domain, coming).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "MIGRATION_PEER" });
  expect(error).toMatchObject({ cause: { code: "SAVED_FORMAT" } });
  expect(Buffer.concat(taken).length).toBeLessThan(libxcHeaders().length + first.length + bad.length);
});

test("a stream that ends early ends the domain", async () => {
  const workers = new FakeWorkers();
  workers.receives = reading([]);
  const error: unknown = await receiveDomain(workers, domain, arrival([whole.subarray(0, -8)])).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ message: expect.stringContaining("has sent less than all of the memory") });
});

test("a failure of libxenguest's is what is told, whether it waits for more or gets too much", async () => {
  const workers = new FakeWorkers();
  workers.receives = async ({ fd }, ready) => {
    ready();
    await promisify(readLater)(fd, Buffer.alloc(16), 0, 16, null);
    closeSync(fd);
    throw new PvhError("XEN_CALL", "xc_domain_restore() failed: ENOMEM");
  };
  const endless = async function* () {
    yield whole.subarray(0, 64);
    await new Promise(() => {});
  };
  const page = record(LIBXC_RECORD.PAGE_DATA, pageData({ frame: 1 }));
  const [staticEnd = page, ...rest] = leastRecords;
  const more = [libxcHeaders(), staticEnd, ...Array.from({ length: 500 }, () => page), ...rest];
  for (const pieces of [endless(), more]) {
    await expect(receiveDomain(workers, domain, arrival(pieces))).rejects.toMatchObject({ code: "XEN_CALL" });
  }
});
