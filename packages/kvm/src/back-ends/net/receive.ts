import {
  NETIF_RSP,
  NETRXF,
  netifExtraGso,
  netifRxRequest,
  netifRxResponse,
  PAGE_SIZE,
  XEN_NETIF_EXTRA_TYPE,
  XEN_NETIF_GSO_TYPE,
} from "@pvh/abi";
import type { BackRing } from "../ring.ts";
import type { FrontEnd } from "./front-end.ts";
import type { GrantCopy } from "./grant-copy.ts";
import { ETHERNET_HEADER } from "./headers.ts";
import type { MulticastFilter } from "./multicast.ts";
import { describeToGuest, type Segmentation } from "./offload.ts";
import { FRAME, PacketBuffer, type PacketPort } from "./packet-port.ts";

/** Packets that are handled before other work gets its turn. */
const PACKETS_PER_TURN = 64;

const request = netifRxRequest.fields;
const response = netifRxResponse.fields;
const extra = netifExtraGso.fields;

/**
 * What {@link Receiver.run} leaves: nothing, perhaps more packets, packets that wait until the guest gives buffers, or
 * that there will be no packets any more.
 */
export type ReceiveRest = "none" | "more" | "waits" | "ended";

export interface ReceiveParts {
  ring: BackRing;
  grants: GrantCopy;
  port: PacketPort;
  front: FrontEnd;
  multicast: MulticastFilter;
  notify(): void;
  /** The ring cannot be gone on with. */
  violated(what: string): void;
}

/**
 * Takes packets from the host and puts them into the buffers of the guest's receive ring. Packets for which there are
 * none stay in the queue of the host's interface, which drops what does not fit.
 */
export class Receiver {
  readonly #parts: ReceiveParts;
  readonly #packet = new PacketBuffer();
  readonly #segmentation: Segmentation = { type: 0, size: 0 };
  /** Where the packet at hand ends; 0 when there is none. */
  #end = 0;
  #flags = 0;
  #dead = false;

  constructor(parts: ReceiveParts) {
    this.#parts = parts;
  }

  /** Throws away the packet at hand and what the host has sent until now, at most `packets`. */
  discard(packets: number): void {
    this.#end = 0;
    for (let i = 0; i < packets && this.#parts.port.receive(this.#packet.bytes) > 0; i++);
  }

  run(): ReceiveRest {
    if (this.#dead) return "ended";
    const rest = this.#turn();
    if (this.#parts.ring.push()) this.#parts.notify();
    return rest;
  }

  #turn(): ReceiveRest {
    const { ring, port } = this.#parts;
    for (let packets = 0; packets < PACKETS_PER_TURN; packets++) {
      if (this.#end === 0) {
        const size = port.receive(this.#packet.bytes);
        if (size <= 0) return size < 0 ? "ended" : "none";
        if (!this.#accept(size)) continue;
      }
      const needed = this.#slotsNeeded();
      let waiting = ring.waiting();
      if (waiting >= 0 && waiting < needed && ring.finalCheck(needed)) waiting = ring.waiting();
      if (waiting < 0) {
        this.#dead = true;
        this.#parts.violated("the receive ring has more requests than entries");
        return "ended";
      }
      if (waiting < needed) return "waits";
      this.#deliver();
      this.#end = 0;
    }
    return "more";
  }

  /** Makes the packet of `size` bytes the one at hand, unless the front end takes no such packet. */
  #accept(size: number): boolean {
    const { front, multicast } = this.#parts;
    if (size < FRAME + ETHERNET_HEADER || size > this.#packet.bytes.length) return false;
    if (!front.scatterGather && size - FRAME > PAGE_SIZE) return false;
    if (!multicast.passes(this.#packet.bytes, FRAME)) return false;
    this.#flags = describeToGuest(this.#packet, size, front, this.#segmentation);
    if (this.#flags < 0) return false;
    this.#end = size;
    return true;
  }

  get #segmented(): boolean {
    return this.#segmentation.type !== XEN_NETIF_GSO_TYPE.NONE;
  }

  #slotsNeeded(): number {
    return Math.ceil((this.#end - FRAME) / PAGE_SIZE) + (this.#segmented ? 1 : 0);
  }

  #deliver(): void {
    let flags = this.#flags | (this.#segmented ? NETRXF.extra_info : 0);
    for (let at = FRAME; at < this.#end; at += PAGE_SIZE) {
      const size = Math.min(PAGE_SIZE, this.#end - at);
      this.#fillSlot(at, size, at + size < this.#end ? flags | NETRXF.more_data : flags);
      if (at === FRAME && this.#segmented) this.#fillExtra();
      flags = 0;
    }
  }

  #fillSlot(at: number, size: number, flags: number): void {
    const { ring, grants } = this.#parts;
    ring.take();
    const ref = ring.request.getUint32(request.gref.offset, true);
    const done = grants.write(ref, this.#packet.bytes, at, size);
    ring.response.setUint16(response.id.offset, ring.request.getUint16(request.id.offset, true), true);
    ring.response.setUint16(response.offset.offset, 0, true);
    ring.response.setUint16(response.flags.offset, flags, true);
    ring.response.setInt16(response.status.offset, done ? size : NETIF_RSP.ERROR, true);
    ring.respond(netifRxResponse.size);
  }

  /** Uses up a request without its page. */
  #fillExtra(): void {
    const { ring } = this.#parts;
    ring.take();
    ring.response.setUint8(extra.type.offset, XEN_NETIF_EXTRA_TYPE.GSO);
    ring.response.setUint8(extra.flags.offset, 0);
    ring.response.setUint16(extra.size.offset, this.#segmentation.size, true);
    ring.response.setUint16(extra.gso_type.offset, this.#segmentation.type, true);
    ring.response.setUint16(extra.features.offset, 0, true);
    ring.respond(netifExtraGso.size);
  }
}
