import { virtioNetHdr } from "@pvh/abi";
import type { Readiness } from "../../host/readiness.ts";
import type { Tap } from "../../host/tap.ts";

/** What the back end needs of a TAP. */
export interface PacketPort extends Pick<Tap, "receive" | "send" | "setOffloads" | "setCarrier" | "close"> {
  listen(readable: () => void): Pick<Readiness, "pause" | "resume" | "close">;
}

/** Where a packet starts in a {@link PacketBuffer}: behind its virtio_net_hdr. */
export const FRAME = virtioNetHdr.size;

/** The largest packet: 64 KiB of IP, an Ethernet header and two VLAN tags. */
const MAX_FRAME = 0x10000 + 22;

const field = virtioNetHdr.fields;

/** Room for one packet with the header that a TAP has before it. Packets are worked on here, where no guest can change them. */
export class PacketBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #data: DataView<ArrayBuffer>;

  constructor() {
    this.bytes = new Uint8Array(FRAME + MAX_FRAME);
    this.#data = new DataView(this.bytes.buffer);
  }

  clearHeader(): void {
    this.bytes.fill(0, 0, FRAME);
  }

  get flags(): number {
    return this.#data.getUint8(field.flags.offset);
  }
  set flags(value: number) {
    this.#data.setUint8(field.flags.offset, value);
  }
  get gsoType(): number {
    return this.#data.getUint8(field.gso_type.offset);
  }
  get gsoSize(): number {
    return this.#data.getUint16(field.gso_size.offset, true);
  }
  get checksumStart(): number {
    return this.#data.getUint16(field.csum_start.offset, true);
  }
  get checksumOffset(): number {
    return this.#data.getUint16(field.csum_offset.offset, true);
  }

  setChecksum(start: number, offset: number): void {
    this.#data.setUint16(field.csum_start.offset, start, true);
    this.#data.setUint16(field.csum_offset.offset, offset, true);
  }
  setSegments(type: number, size: number, headers: number): void {
    this.#data.setUint8(field.gso_type.offset, type);
    this.#data.setUint16(field.gso_size.offset, size, true);
    this.#data.setUint16(field.hdr_len.offset, headers, true);
  }
}
