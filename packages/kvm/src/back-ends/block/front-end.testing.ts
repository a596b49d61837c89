import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BLKIF_OP,
  blkifRequest32,
  blkifRequest64,
  blkifRequestDiscard32,
  blkifRequestDiscard64,
  blkifRequestIndirect32,
  blkifRequestIndirect64,
  blkifResponse64,
  sring,
} from "@pvh/abi";
import { GuestMemory } from "../../guest-memory.ts";
import { mapAnonymous, viewOf } from "../../host/libc.ts";
import { addDevice, type DevicePaths } from "../../xenstore/device-nodes.ts";
import { FakeHost, until } from "../host.testing.ts";
import { type BackEndDevice, XENBUS } from "../xenbus.ts";
import { startBlockBackEnd } from "./back-end.ts";
import type { DiskConfig, DiskImage } from "./disk-image.ts";
import { diskNodes } from "./nodes.ts";
import { type OpenDiskOptions, openDisk } from "./open-disk.ts";

/** For tests: a guest with a block front end, as simple as it can be, and an image on the host. */

export const PAGE = 4096;
const RAM_BASE = 0x100000;
/** The first pages are for rings, the others for data. */
const RING_PAGES = 64;

export interface Segment {
  /** Page of data, counted from 0. */
  page: number;
  first?: number;
  last?: number;
  /** Instead of the page's own reference. */
  gref?: number;
}

export interface Response {
  id: bigint;
  operation: number;
  status: number;
}

export interface FrontEndOptions {
  config?: Partial<DiskConfig>;
  image?: Uint8Array;
  io?: OpenDiskOptions["io"];
  protocol?: "x86_32-abi" | "x86_64-abi";
  /** Pages of a ring, as its order. */
  order?: number;
  queues?: number;
  /** Of the guest's memory; default 600. */
  ramPages?: number;
}

/** 64 KiB where each sector is filled with its number. */
export function numberedImage(sectors = 128): Uint8Array {
  return Uint8Array.from({ length: sectors * 512 }, (_, i) => (i >> 9) & 0xff);
}

export class BlockGuest {
  readonly host: FakeHost;
  readonly path: string;
  readonly disk: DiskImage;
  readonly paths: DevicePaths;
  readonly device: BackEndDevice;
  readonly #directory = mkdtempSync(join(tmpdir(), "pvh-block-"));
  readonly #options: Required<Pick<FrontEndOptions, "order" | "queues" | "ramPages">> & FrontEndOptions;
  #rings: { produced: number; consumed: number }[] = [];

  constructor(options: FrontEndOptions = {}) {
    this.#options = { order: 0, queues: 1, ramPages: 600, ...options };
    const { ramPages } = this.#options;
    const mapping = mapAnonymous(ramPages * PAGE);
    if (mapping === undefined) throw new Error("no memory");
    this.host = new FakeHost(
      new GuestMemory([{ gpa: RAM_BASE, buffer: viewOf(mapping), address: mapping.address }]),
    );
    for (let i = 0; i < ramPages; i++) this.host.granted.set(i, { gpa: RAM_BASE + i * PAGE });
    this.path = join(this.#directory, "disk.img");
    writeFileSync(this.path, options.image ?? numberedImage());
    const config: DiskConfig = {
      path: this.path,
      devid: 51712,
      name: "xvda",
      readonly: false,
      discard: true,
      direct: false,
      ...options.config,
    };
    this.disk = openDisk(config, { io: options.io ?? "auto" });
    this.paths = addDevice(this.host.store, this.host.domid, diskNodes(config));
    this.device = startBlockBackEnd(this.host, this.disk);
  }

  back(name: string): string | undefined {
    return this.host.store.read(`${this.paths.back}/${name}`);
  }
  write(name: string, value: string): void {
    this.host.store.write(`${this.paths.front}/${name}`, value);
  }

  /** Rings, nodes, state Initialised. */
  announce(): void {
    const { order, queues, protocol } = this.#options;
    const pages = 2 ** order;
    if (protocol !== undefined) this.write("protocol", protocol);
    if (order > 0) this.write("ring-page-order", `${order}`);
    if (queues > 1) this.write("multi-queue-num-queues", `${queues}`);
    this.#rings = [];
    for (let queue = 0; queue < queues; queue++) {
      const directory = queues > 1 ? `queue-${queue}/` : "";
      this.#rings.push({ produced: 0, consumed: 0 });
      sring.writeTo(this.ringPage(queue, 0), 0, { req_prod: 0, rsp_prod: 0, req_event: 1, rsp_event: 1 });
      for (let page = 0; page < pages; page++) {
        this.write(`${directory}ring-ref${pages > 1 ? page : ""}`, `${queue * pages + page}`);
      }
      this.host.ports.set(10 + queue, { notifications: 0 });
      this.write(`${directory}event-channel`, `${10 + queue}`);
    }
    this.write("state", `${XENBUS.initialised}`);
  }
  async connect(): Promise<this> {
    this.announce();
    await until(() => this.device.state === XENBUS.connected, "the connection");
    return this;
  }
  async close(): Promise<void> {
    this.write("state", `${XENBUS.closed}`);
    await until(() => this.device.state === XENBUS.closed, "the end of the connection");
  }
  async remove(): Promise<void> {
    await this.device.remove({ force: true });
    rmSync(this.#directory, { recursive: true });
  }

  image(): Uint8Array {
    return new Uint8Array(readFileSync(this.path));
  }
  data(page: number): Uint8Array {
    return this.host.memory.bytes(RAM_BASE + (RING_PAGES + page) * PAGE, PAGE);
  }
  gref(page: number): number {
    return RING_PAGES + page;
  }
  ringPage(queue: number, page: number): Uint8Array {
    return this.host.memory.bytes(RAM_BASE + (queue * 2 ** this.#options.order + page) * PAGE, PAGE);
  }
  get #is32(): boolean {
    return this.#options.protocol === "x86_32-abi";
  }
  get entrySize(): number {
    return (this.#is32 ? blkifRequest32 : blkifRequest64).size;
  }
  get ringSize(): number {
    return 2 ** Math.floor(Math.log2((2 ** this.#options.order * PAGE - 64) / this.entrySize));
  }

  transfer(operation: number, id: bigint, sector: number | bigint, segments: Segment[]): Uint8Array {
    return (this.#is32 ? blkifRequest32 : blkifRequest64).encode({
      operation,
      nr_segments: segments.length,
      id,
      sector_number: sector,
      seg: segments.slice(0, 11).map((segment) => this.#segment(segment)),
    });
  }
  /** Puts the segments into `table`, a page of data. */
  indirect(operation: number, id: bigint, sector: number, table: number, segments: Segment[]): Uint8Array {
    const words = new BigUint64Array(PAGE / 8);
    words.set(segments.slice(0, PAGE / 8).map((segment) => this.#segment(segment)));
    this.data(table).set(new Uint8Array(words.buffer));
    return (this.#is32 ? blkifRequestIndirect32 : blkifRequestIndirect64).encode({
      operation: BLKIF_OP.INDIRECT,
      indirect_op: operation,
      nr_segments: segments.length,
      id,
      sector_number: sector,
      indirect_grefs: [this.gref(table)],
    });
  }
  discard(id: bigint, sector: number | bigint, count: number | bigint): Uint8Array {
    return (this.#is32 ? blkifRequestDiscard32 : blkifRequestDiscard64).encode({
      operation: BLKIF_OP.DISCARD,
      id,
      sector_number: sector,
      nr_sectors: count,
    });
  }
  #segment({ page, first = 0, last = 7, gref = this.gref(page) }: Segment): bigint {
    return BigInt(gref) | (BigInt(first) << 32n) | (BigInt(last) << 40n);
  }

  put(entry: Uint8Array, queue = 0): void {
    const ring = this.#ring(queue);
    this.#copy(queue, ring.produced++, (page, at, index) => {
      page[at] = entry[index] ?? 0;
    });
  }
  push(queue = 0): void {
    sring.writeTo(this.ringPage(queue, 0), 0, { req_prod: this.#ring(queue).produced >>> 0 });
    this.host.send(10 + queue);
  }
  /** Responses that are there. */
  take(queue = 0): Response[] {
    const ring = this.#ring(queue);
    const produced = sring.decode(this.ringPage(queue, 0)).rsp_prod;
    const responses: Response[] = [];
    while (ring.consumed !== produced) {
      const bytes = new Uint8Array(blkifResponse64.size);
      this.#copy(queue, ring.consumed++, (page, at, index) => {
        if (index < bytes.length) bytes[index] = page[at] ?? 0;
      });
      responses.push(blkifResponse64.decode(bytes));
    }
    sring.writeTo(this.ringPage(queue, 0), 0, { rsp_event: (ring.consumed + 1) >>> 0 });
    return responses;
  }
  /** Sends requests and waits for as many responses. */
  async ask(...entries: Uint8Array[]): Promise<Response[]> {
    for (const entry of entries) this.put(entry);
    this.push();
    return this.responses(entries.length);
  }
  async responses(count: number, queue = 0): Promise<Response[]> {
    const responses: Response[] = [];
    await until(() => {
      responses.push(...this.take(queue));
      return responses.length >= count;
    }, `${count} responses`);
    return responses;
  }
  get notifications(): number {
    return this.host.ports.get(10)?.notifications ?? 0;
  }

  #ring(queue: number) {
    const ring = this.#rings[queue];
    if (ring === undefined) throw new Error("not announced");
    return ring;
  }
  #copy(queue: number, index: number, each: (page: Uint8Array, at: number, index: number) => void): void {
    const start = sring.size + (index & (this.ringSize - 1)) * this.entrySize;
    for (let i = 0; i < this.entrySize; i++) {
      const at = start + i;
      each(this.ringPage(queue, Math.floor(at / PAGE)), at % PAGE, i);
    }
  }
}
