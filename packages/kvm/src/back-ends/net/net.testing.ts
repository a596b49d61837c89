import {
  NETRXF,
  netifExtraGso,
  netifExtraMcast,
  netifRxRequest,
  netifRxResponse,
  netifTxRequest,
  netifTxResponse,
  sring,
} from "@pvh/abi";
import { GuestMemory } from "../../guest-memory.ts";
import type { StoreClient } from "../../xenstore/client.ts";
import { addDevice } from "../../xenstore/device-nodes.ts";
import type { BackEndHost } from "../host.ts";
import type { BackEndDevice } from "../xenbus.ts";
import { startNetBackEnd } from "./back-end.ts";
import { FRAME, type PacketPort } from "./packet-port.ts";
import { type Vif, vifNodes } from "./vif.ts";

/** For tests: a guest with a network front end, and an interface of the host, as simple as they can be. */

export const DOMID = 7;
const RAM = { gpa: 0x10000, size: 0x400000 };
const RING = 256;
const TX_RING = 0;
const RX_RING = 1;
/** Frames of RAM: two rings, then transmit buffers, then receive buffers. */
const TX_BUFFERS = 2;
const RX_BUFFERS = TX_BUFFERS + RING;
const PORTS = { tx: 5, rx: 6 };

export class FakeStore implements StoreClient {
  readonly nodes = new Map<string, string>();
  readonly #watches = new Set<{ path: string; changed: (path: string) => void }>();

  read(path: string): string | undefined {
    return this.nodes.get(path);
  }
  write(path: string, value: string): void {
    this.nodes.set(path, value);
    for (const watch of this.#watches) {
      if (`${path}/`.startsWith(`${watch.path}/`))
        setImmediate(() => this.#watches.has(watch) && watch.changed(path));
    }
  }
  remove(path: string): void {
    for (const name of this.nodes.keys()) if (`${name}/`.startsWith(`${path}/`)) this.nodes.delete(name);
  }
  list(path: string): string[] {
    const below = [...this.nodes.keys()].filter((name) => name.startsWith(`${path}/`));
    return [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0] ?? ""))];
  }
  setPermissions(): void {}
  watch(path: string, changed: (path: string) => void): () => void {
    const watch = { path, changed };
    this.#watches.add(watch);
    setImmediate(() => this.#watches.has(watch) && changed(path));
    return () => this.#watches.delete(watch);
  }
  transaction<T>(work: (client: StoreClient) => T): T {
    return work(this);
  }
}

/** The host's side: what the guest sent, and what is to go to the guest. Packets are without header here. */
export class FakePort implements PacketPort {
  readonly sent: { header: Uint8Array; frame: Uint8Array }[] = [];
  readonly queue: Uint8Array[] = [];
  offloads = { checksum: false, tcp4: false, tcp6: false };
  carrier = true;
  closed = false;
  refuses = false;
  listening = false;
  readable: () => void = () => undefined;

  receive(into: Uint8Array): number {
    const packet = this.queue.shift();
    if (packet === undefined) return 0;
    into.set(packet.subarray(0, into.length));
    return packet.length;
  }
  send(packet: Uint8Array, size: number): boolean {
    if (this.refuses) return false;
    this.sent.push({ header: packet.slice(0, FRAME), frame: packet.slice(FRAME, size) });
    return true;
  }
  setOffloads(offloads: FakePort["offloads"]): void {
    this.offloads = offloads;
  }
  setCarrier(up: boolean): void {
    this.carrier = up;
  }
  listen(readable: () => void) {
    this.readable = readable;
    this.listening = true;
    const set = (listening: boolean) => () => {
      this.listening = listening;
    };
    return { pause: set(false), resume: set(true), close: set(false) };
  }
  close(): void {
    this.closed = true;
  }

  /** Packets arrive, each with its virtio_net_hdr before it. */
  arrive(...packets: Uint8Array[]): void {
    this.queue.push(...packets);
    for (let turns = 0; this.listening && this.queue.length > 0 && turns < 100; turns++) this.readable();
  }
}

export type TxRequest = Parameters<typeof netifTxRequest.encode>[0];
export interface RxPacket {
  bytes: Uint8Array;
  flags: number;
  gso?: { size: number; type: number };
  slots: number;
}

export class TestGuest {
  readonly store = new FakeStore();
  readonly port = new FakePort();
  readonly memory = new GuestMemory([{ gpa: RAM.gpa, buffer: new ArrayBuffer(RAM.size) }]);
  /** Reference to frame, counted from the start of RAM. */
  readonly grants = new Map<number, { frame: number; readOnly?: boolean }>();
  /** References in use now, and how often. */
  readonly inUse = new Map<number, number>();
  notified = { tx: 0, rx: 0 };
  readonly device: BackEndDevice;
  readonly #bound = new Map<number, () => void>();
  readonly #paths: { front: string; back: string };
  #txProd = 0;
  #rxProd = 0;
  #rxCons = 0;

  /** The back end has notified. */
  onNotified: (which: "tx" | "rx") => void = () => undefined;

  /** `port` takes the place of {@link TestGuest.port}. */
  constructor(vif: Partial<Vif> = {}, port?: PacketPort) {
    const whole = { devid: 0, mac: "00:16:3e:00:00:01", ...vif };
    this.#paths = addDevice(this.store, DOMID, vifNodes(whole, "xenbr0"));
    this.grants.set(TX_RING, { frame: TX_RING });
    this.grants.set(RX_RING, { frame: RX_RING });
    for (const ring of [TX_RING, RX_RING]) sring.writeTo(this.frame(ring), 0, { req_event: 1, rsp_event: 1 });
    this.device = startNetBackEnd(this.#host(), port ?? this.port, whole);
  }

  #host(): BackEndHost {
    return {
      domid: DOMID,
      store: this.store,
      memory: this.memory,
      grants: {
        begin: (ref, write) => {
          const grant = this.grants.get(ref);
          if (grant === undefined || (write && grant.readOnly === true)) return -1;
          this.inUse.set(ref, (this.inUse.get(ref) ?? 0) + 1);
          return RAM.gpa + grant.frame * 4096;
        },
        end: (ref) => {
          const left = (this.inUse.get(ref) ?? 0) - 1;
          if (left < 0) throw new Error(`grant ${ref} ended once too often`);
          if (left === 0) this.inUse.delete(ref);
          else this.inUse.set(ref, left);
        },
        together: (work) => work(),
      },
      bindInterdomain: (remotePort, notified) => {
        const which = remotePort === PORTS.tx ? "tx" : remotePort === PORTS.rx ? "rx" : undefined;
        if (which === undefined || this.#bound.has(remotePort)) return undefined;
        this.#bound.set(remotePort, notified);
        return {
          notify: () => {
            this.notified[which]++;
            this.onNotified(which);
          },
          close: () => this.#bound.delete(remotePort),
        };
      },
    };
  }

  get bound(): number[] {
    return [...this.#bound.keys()];
  }

  frame(index: number): Uint8Array {
    return this.memory.bytes(RAM.gpa + index * 4096, 4096);
  }

  back(name: string): string | undefined {
    return this.store.read(`${this.#paths.back}/${name}`);
  }

  setState(state: number): Promise<void> {
    this.store.write(`${this.#paths.front}/state`, `${state}`);
    return settled();
  }

  /** Writes the nodes of a capable front end, changed by `nodes` (undefined removes one), and connects. */
  async connect(nodes: Record<string, string | undefined> = {}): Promise<void> {
    const all: Record<string, string | undefined> = {
      "tx-ring-ref": `${TX_RING}`,
      "rx-ring-ref": `${RX_RING}`,
      "event-channel-tx": `${PORTS.tx}`,
      "event-channel-rx": `${PORTS.rx}`,
      "request-rx-copy": "1",
      "feature-rx-notify": "1",
      "feature-sg": "1",
      "feature-gso-tcpv4": "1",
      "feature-gso-tcpv6": "1",
      "feature-ipv6-csum-offload": "1",
      ...nodes,
    };
    for (const [name, value] of Object.entries(all)) {
      if (value !== undefined) this.store.write(`${this.#paths.front}/${name}`, value);
    }
    await this.setState(4);
  }

  shared(ring: "tx" | "rx") {
    return sring.decode(this.frame(ring === "tx" ? TX_RING : RX_RING));
  }
  setShared(ring: "tx" | "rx", values: Parameters<typeof sring.encode>[0]): void {
    sring.writeTo(this.frame(ring === "tx" ? TX_RING : RX_RING), 0, values);
  }

  /** A page with `bytes` at `offset`, granted; returns the request for it. */
  buffer(bytes: Uint8Array, values: TxRequest = {}): TxRequest {
    const id = this.#txProd % RING;
    const ref = 100 + id;
    const offset = values.offset ?? 0;
    this.frame(TX_BUFFERS + id).set(bytes, offset);
    this.grants.set(ref, { frame: TX_BUFFERS + id, readOnly: true });
    return { gref: ref, id, offset, size: bytes.length, ...values };
  }

  /** Puts one entry on the transmit ring: a request or, of 8 bytes, an extra info. */
  put(entry: TxRequest | Uint8Array): void {
    const bytes = entry instanceof Uint8Array ? entry : netifTxRequest.encode(entry);
    this.frame(TX_RING).set(bytes, sring.size + (this.#txProd % RING) * netifTxRequest.size);
    this.#txProd++;
  }

  /** Makes what was put visible, and notifies. */
  push(): void {
    this.setShared("tx", { req_prod: this.#txProd >>> 0 });
    this.notify("tx");
  }

  notify(which: "tx" | "rx"): void {
    this.#bound.get(PORTS[which])?.();
  }

  /** Sends one packet, in as many slots as there are fragments. */
  send(fragments: Uint8Array[], flags = 0, extras: Uint8Array[] = []): void {
    const total = fragments.reduce((sum, { length }) => sum + length, 0);
    fragments.forEach((fragment, i) => {
      const more = i + 1 < fragments.length ? 4 : 0;
      const first = i === 0 ? flags | (extras.length > 0 ? 8 : 0) : 0;
      this.put(this.buffer(fragment, { flags: first | more, ...(i === 0 ? { size: total } : {}) }));
      if (i === 0) for (const extra of extras) this.put(extra);
    });
    this.push();
  }

  /** Status of each response of the transmit ring, oldest first. */
  responses(): { id: number; status: number }[] {
    return Array.from({ length: this.shared("tx").rsp_prod }, (_, i) =>
      netifTxResponse.decode(this.frame(TX_RING), sring.size + (i % RING) * netifTxRequest.size),
    );
  }

  /** Gives `count` receive buffers. */
  post(count: number): void {
    for (let i = 0; i < count; i++) {
      const id = this.#rxProd % RING;
      this.grants.set(1000 + id, { frame: RX_BUFFERS + id });
      const at = sring.size + id * netifRxRequest.size;
      netifRxRequest.writeTo(this.frame(RX_RING), at, { id, gref: 1000 + id });
      this.#rxProd++;
    }
    this.setShared("rx", { req_prod: this.#rxProd >>> 0 });
    this.notify("rx");
  }

  /** The packets that have come since the last time. Throws when they are not as netif wants them. */
  received(): RxPacket[] {
    const packets: RxPacket[] = [];
    const end = this.shared("rx").rsp_prod;
    while (this.#rxCons < end) packets.push(this.#takeReceived());
    return packets;
  }

  #takeReceived(): RxPacket {
    const parts: number[] = [];
    const first = this.#response();
    const packet: RxPacket = { bytes: new Uint8Array(), flags: first.flags, slots: 1 };
    if ((first.flags & NETRXF.extra_info) !== 0) {
      const { size, gso_type } = netifExtraGso.decode(this.frame(RX_RING), this.#slot());
      packet.gso = { size, type: gso_type };
      this.#rxCons++;
      packet.slots++;
    }
    for (let slot = first; ; slot = this.#response()) {
      if (slot.status < 0) throw new Error(`receive status ${slot.status}`);
      parts.push(...this.frame(RX_BUFFERS + slot.id).subarray(slot.offset, slot.offset + slot.status));
      if (slot !== first) packet.slots++;
      if ((slot.flags & NETRXF.more_data) === 0) break;
    }
    packet.bytes = Uint8Array.from(parts);
    return packet;
  }

  #slot(): number {
    return sring.size + (this.#rxCons % RING) * netifRxRequest.size;
  }

  #response() {
    const slot = netifRxResponse.decode(this.frame(RX_RING), this.#slot());
    if (slot.id !== this.#rxCons % RING) throw new Error("a response is not where its request was");
    this.#rxCons++;
    return slot;
  }
}

export const gsoExtra = (size: number, type: number, flags = 0) =>
  netifExtraGso.encode({ type: 1, flags, size, gso_type: type });
export const mcastExtra = (type: number, addr: Uint8Array) => netifExtraMcast.encode({ type, addr });

/** After store watches and turns of the back end. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}
