import { randomFillSync } from "node:crypto";
import { closeSync, constants, fsyncSync, openSync, readSync, readvSync } from "node:fs";
import { BLKIF_OP, BLKIF_RSP, blkifRequest64, blkifResponse64, GNTST, sring } from "@pvh/abi";
import { type HostPiece, IoUring } from "../../host/io-uring.ts";
import { viewOf } from "../../host/libc.ts";
import { DomainState } from "../../platform-xen/domain-state.ts";
import { HOST_DOMAIN } from "../../platform-xen/event-channels.ts";
import { ENTRIES_PER_FRAME, GrantTable } from "../../platform-xen/grant-table.ts";
import { allocateHeap } from "../../platform-xen/heap.ts";
import type { GrantAccess } from "../host.ts";
import { BlockGuest, PAGE } from "./front-end.testing.ts";

/**
 * `node figures.testing.ts`: reads a file in TMPDIR through the block back end, with a front end in the same process and
 * thread, in turns with the host's own reads of the same file, with the same flags, into the same memory. Writes a
 * {@link Figure} per line.
 */

export interface Figure {
  what: string;
  /** What the host does for comparison. */
  host: string;
  unit: "MiB/s" | "IOPS";
  ring: Round[];
  plain: Round[];
}

export interface Round {
  /** In the figure's unit. */
  rate: number;
  /** Microseconds of CPU time for each MiB, or each read, of the front end too. */
  cpu: number;
}

const MIB = 2 ** 20;
const IMAGE = 128 * MIB;
const ROUNDS = 7;
/** Rounds before these, for page cache and compiler. */
const WARM_UP = 3;
const RANDOM_READS = 16_384;
const RANDOM_DEPTH = 32;
/** 256 segments, as many as an indirect request has. */
const LONG = MIB;
const LONG_PAGES = LONG / PAGE;
const LONG_DEPTH = 2;
/** More memory than the caches of a CPU hold, as a guest that reads a disk uses. */
const LONG_BUFFERS = 64;
/** Pages of data that hold the segments of long reads, after the data itself. */
const TABLES = LONG_PAGES * LONG_BUFFERS;
const RAM_PAGES = TABLES + LONG_BUFFERS + 64;
const SECTOR = 512;
const PORT = 10;

const AT = {
  sector: blkifRequest64.fields.sector_number.offset,
  status: blkifResponse64.fields.status.offset,
};

const WORD = {
  reqProd: sring.fields.req_prod.offset / 4,
  reqEvent: sring.fields.req_event.offset / 4,
  rspProd: sring.fields.rsp_prod.offset / 4,
  rspEvent: sring.fields.rsp_event.offset / 4,
};

/** The front end's end of the first ring. */
class FrontRing {
  readonly #guest: BlockGuest;
  readonly #page: Uint8Array;
  readonly #data: DataView;
  readonly #words: Int32Array;
  readonly #port: { onNotification?: () => void };
  #produced = 0;
  #consumed = 0;

  constructor(guest: BlockGuest) {
    this.#guest = guest;
    this.#port = guest.host.ports.get(PORT) ?? {};
    const { buffer, byteOffset } = guest.ringPage(0, 0);
    this.#page = new Uint8Array(buffer, byteOffset, PAGE);
    this.#data = new DataView(buffer, byteOffset, PAGE);
    this.#words = new Int32Array(buffer, byteOffset, PAGE / 4);
  }

  /** Makes one read for each of `offsets`, in bytes, `depth` at a time, with the entries in turns. */
  async read(entries: readonly Uint8Array[], offsets: readonly number[], depth: number): Promise<void> {
    for (let started = 0, ended = 0; ended < offsets.length; ended += this.#take()) {
      const before = this.#produced;
      for (; started < Math.min(ended + depth, offsets.length); started++) {
        this.#put(entries[started % entries.length] ?? new Uint8Array(), (offsets[started] ?? 0) / SECTOR);
      }
      if (this.#produced !== before) this.#push(before);
      await this.#responses();
    }
  }

  /** Until there are some: asks for a notification first, and looks once more (RING_FINAL_CHECK_FOR_RESPONSES). */
  #responses(): Promise<void> {
    return new Promise((resolve) => {
      this.#port.onNotification = resolve;
      Atomics.store(this.#words, WORD.rspEvent, (this.#consumed + 1) | 0);
      if (Atomics.load(this.#words, WORD.rspProd) !== this.#consumed) resolve();
    });
  }

  #entry(index: number): number {
    return sring.size + (index & (this.#guest.ringSize - 1)) * blkifRequest64.size;
  }

  #put(entry: Uint8Array, sector: number): void {
    const at = this.#entry(this.#produced++);
    this.#page.set(entry, at);
    this.#data.setUint32(at + AT.sector, sector, true);
  }

  /** RING_PUSH_REQUESTS_AND_CHECK_NOTIFY */
  #push(before: number): void {
    Atomics.store(this.#words, WORD.reqProd, this.#produced);
    const event = Atomics.load(this.#words, WORD.reqEvent);
    if ((this.#produced - event) >>> 0 < (this.#produced - before) >>> 0) this.#guest.host.send(PORT);
  }

  #take(): number {
    const end = Atomics.load(this.#words, WORD.rspProd);
    const count = (end - this.#consumed) | 0;
    for (; this.#consumed !== end; this.#consumed = (this.#consumed + 1) | 0) {
      const at = this.#entry(this.#consumed);
      const status = this.#data.getInt16(at + AT.status, true);
      if (status !== BLKIF_RSP.OKAY) throw new Error(`a read ended with status ${status}`);
    }
    return count;
  }
}

/** Indirect requests of 1 MiB each; `pageOf` says where in its buffer each page of the disk goes. */
function longReads(guest: BlockGuest, pageOf: (index: number) => number): Uint8Array[] {
  return Array.from({ length: LONG_BUFFERS }, (_, slot) => {
    const segments = Array.from({ length: LONG_PAGES }, (_, i) => ({ page: slot * LONG_PAGES + pageOf(i) }));
    return guest.indirect(BLKIF_OP.READ, BigInt(slot), 0, TABLES + slot, segments);
  });
}

function shortReads(guest: BlockGuest): Uint8Array[] {
  return Array.from({ length: RANDOM_DEPTH }, (_, slot) =>
    guest.transfer(BLKIF_OP.READ, BigInt(slot), 0, [{ page: slot }]),
  );
}

function hostPage(guest: BlockGuest, page: number): HostPiece {
  const gpa = guest.host.granted.get(guest.gref(page))?.gpa ?? 0;
  const view = guest.host.memory.find(gpa, PAGE);
  if (view === undefined) throw new Error("a page of data is no memory");
  return { address: view.address + gpa - view.gpa, length: PAGE };
}

/** The same reads by io_uring alone, as many at a time. Undefined where the host has none. */
function uringReads(
  guest: BlockGuest,
  fd: number,
): ((offsets: readonly number[]) => Promise<void>) | undefined {
  const uring = IoUring.open(() => undefined);
  if (uring === undefined) return undefined;
  const pieces = Array.from({ length: RANDOM_DEPTH }, (_, slot) => [hostPage(guest, slot)]);
  return (offsets) =>
    new Promise((resolve, reject) => {
      let [started, ended] = [0, 0];
      const start = (slot: number) => {
        uring.read(fd, offsets[started++] ?? 0, pieces[slot] ?? [], (result) => {
          if (result !== PAGE) reject(new Error(`io_uring read ${result} bytes`));
          if (++ended === offsets.length) resolve();
          else if (started < offsets.length) start(slot);
        });
      };
      for (let slot = 0; slot < RANDOM_DEPTH; slot++) start(slot);
      uring.submit();
    });
}

/** The same offsets in each run. */
function randomOffsets(): number[] {
  let state = 1;
  return Array.from({ length: RANDOM_READS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * (IMAGE / PAGE)) * PAGE;
  });
}

async function rounds(
  figure: Pick<Figure, "what" | "host" | "unit">,
  amount: number,
  ring: () => Promise<void>,
  plain: () => Promise<void> | void,
): Promise<void> {
  const result: Figure = { ...figure, ring: [], plain: [] };
  const timed = async (work: () => Promise<void> | void, into: Round[]) => {
    const [begin, before] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(before);
    into.push({ rate: (amount / (performance.now() - begin)) * 1000, cpu: (user + system) / amount });
  };
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    await timed(ring, result.ring);
    await timed(plain, result.plain);
  }
  result.ring.splice(0, WARM_UP);
  result.plain.splice(0, WARM_UP);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function measure(direct: boolean, image: Uint8Array): Promise<void> {
  const guest = new BlockGuest({ image, ramPages: RAM_PAGES, config: { direct, readonly: true } });
  try {
    const fd = openForReading(guest, direct);
    if (fd === undefined) {
      process.stderr.write(`no direct reads of ${guest.path}: set TMPDIR to a folder on a disk\n`);
      return;
    }
    fsyncSync(fd);
    useGrantTable(guest);
    await guest.connect();
    const ring = new FrontRing(guest);
    const flags = `${direct ? "O_DIRECT" : "page cache"}, ${guest.disk.io.name}`;

    const inOrder = Array.from({ length: IMAGE / LONG }, (_, i) => i * LONG);
    const { buffer, byteOffset } = guest.data(0);
    const targets = Array.from({ length: LONG_BUFFERS }, (_, i) => [
      new Uint8Array(buffer, byteOffset + i * LONG, LONG),
    ]);
    const long = { host: "preadv of 1 MiB at a time", unit: "MiB/s" } as const;
    const readAll = () => {
      for (const [i, offset] of inOrder.entries()) readvSync(fd, targets[i % targets.length] ?? [], offset);
    };
    for (const [where, pageOf] of [
      ["into one stretch", (i: number) => i],
      ["into scattered pages", (i: number) => (i * 5) % LONG_PAGES],
    ] as const) {
      const entries = longReads(guest, pageOf);
      const what = `1 MiB reads in order ${where}, ${LONG_DEPTH} at a time (${flags})`;
      await rounds({ what, ...long }, IMAGE / MIB, () => ring.read(entries, inOrder, LONG_DEPTH), readAll);
    }

    const entries = shortReads(guest);
    const offsets = randomOffsets();
    const uring = uringReads(guest, fd);
    const oneByOne = () => {
      const page = [guest.data(0)];
      for (const offset of offsets) readvSync(fd, page, offset);
    };
    await rounds(
      {
        what: `4 KiB random reads, ${RANDOM_DEPTH} at a time (${flags})`,
        host: uring === undefined ? "preadv one by one" : `io_uring, ${RANDOM_DEPTH} at a time`,
        unit: "IOPS",
      },
      RANDOM_READS,
      () => ring.read(entries, offsets, RANDOM_DEPTH),
      uring === undefined ? oneByOne : () => uring(offsets),
    );
    closeSync(fd);
  } finally {
    await guest.remove();
  }
}

/** The platform's own grant table, in place of what tests have. */
function useGrantTable({ host }: BlockGuest): void {
  const frames = Math.ceil(host.granted.size / ENTRIES_PER_FRAME);
  const heap = allocateHeap(frames);
  const state = new DomainState(new SharedArrayBuffer(DomainState.size));
  state.grantFrames = frames;
  const shared = new SharedArrayBuffer(GrantTable.size(frames));
  const grants = new GrantTable({ state, heap, buffer: viewOf(heap), shared, maxMappings: 0 });
  for (const [ref, { gpa }] of host.granted) grants.seed(ref, HOST_DOMAIN, gpa / PAGE);
  Object.assign(host.grants, {
    begin: (ref, write) =>
      grants.begin(ref, HOST_DOMAIN, write) === GNTST.okay ? grants.frame(ref) * PAGE : -1,
    end: (ref, write) => grants.end(ref, write),
    together: (work) => grants.together(work),
  } satisfies GrantAccess);
}

/** Undefined when the image is not read past the page cache: then neither does the back end. */
function openForReading(guest: BlockGuest, direct: boolean): number | undefined {
  if (!direct) return openSync(guest.path, constants.O_RDONLY);
  try {
    const fd = openSync(guest.path, constants.O_RDONLY | constants.O_DIRECT);
    readSync(fd, guest.data(0), 0, SECTOR, SECTOR);
    return fd;
  } catch {
    return undefined;
  }
}

// Nothing else keeps the event loop alive while it waits for the kernel.
const alive = setInterval(() => undefined, 60_000);
const image = randomFillSync(new Uint8Array(IMAGE));
await measure(false, image);
await measure(true, image);
clearInterval(alive);
