import {
  NETIF_RSP,
  NETTXF,
  netifExtraGso,
  netifExtraMcast,
  netifTxRequest,
  netifTxResponse,
  PAGE_SIZE,
  XEN_NETIF_EXTRA_FLAG_MORE,
  XEN_NETIF_EXTRA_TYPE,
  XEN_NETIF_GSO_TYPE,
} from "@pvh/abi";
import type { BackRing } from "../ring.ts";
import type { GrantCopy } from "./grant-copy.ts";
import { ETHERNET_HEADER } from "./headers.ts";
import type { MulticastFilter } from "./multicast.ts";
import { describeToHost, type Segmentation } from "./offload.ts";
import { FRAME, PacketBuffer, type PacketPort } from "./packet-port.ts";
import type { RateLimit } from "./rate-limit.ts";

/** Packets that are handled before other work gets its turn. */
const PACKETS_PER_TURN = 64;
/** A front end that sends a packet of more slots is hostile, as for xen-netback. Real ones keep to XEN_NETIF_NR_SLOTS_MIN. */
const MAX_SLOTS = 20;

const request = netifTxRequest.fields;
const response = netifTxResponse.fields;
const gso = netifExtraGso.fields;
const mcast = netifExtraMcast.fields;

/** What {@link Transmitter.run} leaves: nothing, more packets, or packets that have to wait for so many milliseconds. */
export type TransmitRest = "none" | "more" | number;

export interface TransmitParts {
  ring: BackRing;
  grants: GrantCopy;
  port: PacketPort;
  multicast: MulticastFilter;
  rate: RateLimit | undefined;
  notify(): void;
  /** The ring cannot be gone on with. */
  violated(what: string): void;
}

/** Takes the guest's packets from its transmit ring and gives them to the host. */
export class Transmitter {
  readonly #parts: TransmitParts;
  readonly #packet = new PacketBuffer();
  readonly #segmentation: Segmentation = { type: 0, size: 0 };
  /** Data slots of the packet at hand. The first one's size is the packet's until the others are known. */
  readonly #refs = new Uint32Array(MAX_SLOTS);
  readonly #offsets = new Uint16Array(MAX_SLOTS);
  readonly #sizes = new Uint16Array(MAX_SLOTS);
  readonly #ids = new Uint16Array(MAX_SLOTS);
  #slots = 0;
  #extras = 0;
  /** No packet, but a request that only carries an address for the multicast list. */
  #isCommand = false;
  #refused = false;
  /** A packet that waits for credit: its first request is taken already. */
  #held = false;
  #flags = 0;
  #dead = false;

  constructor(parts: TransmitParts) {
    this.#parts = parts;
  }

  run(): TransmitRest {
    if (this.#dead) return "none";
    const rest = this.#turn();
    if (this.#parts.ring.push()) this.#parts.notify();
    return rest;
  }

  #turn(): TransmitRest {
    const { ring } = this.#parts;
    for (let packets = 0; packets < PACKETS_PER_TURN; packets++) {
      const waiting = ring.waiting();
      if (waiting < 0) return this.#violate("the transmit ring has more requests than entries");
      if (waiting === 0 && !this.#held) {
        if (ring.finalCheck()) continue;
        return "none";
      }
      if (!this.#held) this.#takeFirst();
      const wait = this.#parts.rate?.take(this.#sizes[0] ?? 0) ?? 0;
      this.#held = wait > 0;
      if (this.#held) return wait;
      this.#takePacket();
      if (this.#dead) return "none";
    }
    return "more";
  }

  #violate(what: string): "none" {
    this.#dead = true;
    this.#parts.violated(what);
    return "none";
  }

  #takeFirst(): void {
    this.#slots = 0;
    this.#extras = 0;
    this.#isCommand = false;
    this.#refused = false;
    this.#segmentation.type = XEN_NETIF_GSO_TYPE.NONE;
    this.#flags = this.#takeSlot();
  }

  /** Takes the request of one data slot; returns its flags. */
  #takeSlot(): number {
    const { ring } = this.#parts;
    ring.take();
    this.#refs[this.#slots] = ring.request.getUint32(request.gref.offset, true);
    this.#offsets[this.#slots] = ring.request.getUint16(request.offset.offset, true);
    this.#sizes[this.#slots] = ring.request.getUint16(request.size.offset, true);
    this.#ids[this.#slots] = ring.request.getUint16(request.id.offset, true);
    this.#slots++;
    return ring.request.getUint16(request.flags.offset, true);
  }

  /** The rest of the packet whose first request has been taken. */
  #takePacket(): void {
    if ((this.#flags & NETTXF.extra_info) !== 0 && !this.#takeExtras()) return;
    if (this.#isCommand) {
      this.#respond(this.#refused ? NETIF_RSP.ERROR : NETIF_RSP.OKAY);
      return;
    }
    for (let flags = this.#flags; (flags & NETTXF.more_data) !== 0; ) {
      if (this.#slots === MAX_SLOTS) {
        this.#violate(`a packet has more than ${MAX_SLOTS} slots`);
        return;
      }
      if (this.#parts.ring.waiting() <= 0) {
        this.#violate("a packet ends in the middle");
        return;
      }
      flags = this.#takeSlot();
    }
    this.#respond(this.#refused ? NETIF_RSP.ERROR : this.#send());
  }

  /** Takes the extra infos behind the first slot. False when the ring is violated. */
  #takeExtras(): boolean {
    const { ring } = this.#parts;
    for (let more = true; more; ) {
      if (ring.waiting() <= 0) {
        this.#violate("extra information is announced, but does not follow");
        return false;
      }
      ring.take();
      this.#extras++;
      const type = ring.request.getUint8(gso.type.offset);
      if (type === XEN_NETIF_EXTRA_TYPE.NONE || type > XEN_NETIF_EXTRA_TYPE.HASH) {
        this.#violate(`extra information has the type ${type}`);
        return false;
      }
      this.#takeExtra(type);
      more = (ring.request.getUint8(gso.flags.offset) & XEN_NETIF_EXTRA_FLAG_MORE) !== 0;
    }
    return true;
  }

  #takeExtra(type: number): void {
    const { ring, multicast } = this.#parts;
    const { GSO, MCAST_ADD, MCAST_DEL } = XEN_NETIF_EXTRA_TYPE;
    switch (type) {
      case GSO:
        this.#segmentation.type = ring.request.getUint8(gso.gso_type.offset);
        this.#segmentation.size = ring.request.getUint16(gso.size.offset, true);
        return;
      case MCAST_ADD:
      case MCAST_DEL: {
        const bytes = new Uint8Array(ring.request.buffer);
        this.#isCommand = true;
        if (type === MCAST_DEL) multicast.delete(bytes, mcast.addr.offset);
        else if (!multicast.add(bytes, mcast.addr.offset)) this.#refused = true;
        return;
      }
      default:
        // A hash, which only front ends send that were offered a control ring.
        this.#refused = true;
    }
  }

  /** Copies the packet out of the guest and gives it to the host. Returns the NETIF_RSP of its slots. */
  #send(): number {
    const { grants, port } = this.#parts;
    const total = this.#sizes[0] ?? 0;
    let first = total;
    for (let slot = 1; slot < this.#slots; slot++) first -= this.#sizes[slot] ?? 0;
    if (total < ETHERNET_HEADER || first < 0) return NETIF_RSP.ERROR;
    this.#sizes[0] = first;
    for (let slot = 0; slot < this.#slots; slot++) {
      const end = (this.#offsets[slot] ?? 0) + (this.#sizes[slot] ?? 0);
      if (end <= PAGE_SIZE) continue;
      // As for xen-netback, which takes it for hostile and not for a packet that cannot be sent.
      this.#violate(`a slot of a packet ends at byte ${end}, beyond its page of ${PAGE_SIZE}`);
      return NETIF_RSP.ERROR;
    }
    let at = FRAME;
    for (let slot = 0; slot < this.#slots; slot++) {
      const ref = this.#refs[slot] ?? 0;
      const size = this.#sizes[slot] ?? 0;
      if (!grants.read(ref, this.#offsets[slot] ?? 0, size, this.#packet.bytes, at)) return NETIF_RSP.ERROR;
      at += size;
    }
    if (!describeToHost(this.#packet, at, this.#flags, this.#segmentation)) return NETIF_RSP.ERROR;
    return port.send(this.#packet.bytes, at) ? NETIF_RSP.OKAY : NETIF_RSP.DROPPED;
  }

  /** One response for each request that was taken, in the order in which they stood. */
  #respond(status: number): void {
    const { ring } = this.#parts;
    for (let slot = 0; slot < this.#slots; slot++) {
      ring.response.setUint16(response.id.offset, this.#ids[slot] ?? 0, true);
      ring.response.setInt16(response.status.offset, status, true);
      ring.respond(netifTxResponse.size);
      if (slot > 0) continue;
      ring.response.setInt16(response.status.offset, NETIF_RSP.NULL, true);
      for (let extra = 0; extra < this.#extras; extra++) ring.respond(netifTxResponse.size);
    }
  }
}
