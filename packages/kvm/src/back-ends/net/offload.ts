import { NETRXF, NETTXF, VIRTIO_NET_HDR_F, VIRTIO_NET_HDR_GSO, XEN_NETIF_GSO_TYPE } from "@pvh/abi";
import { completeChecksum, writePseudoHeaderSum } from "./checksum.ts";
import type { FrontEnd } from "./front-end.ts";
import { emptyHeaders, findHeaders, type Headers, IP_PROTOCOL } from "./headers.ts";
import { FRAME, type PacketBuffer } from "./packet-port.ts";

/**
 * Checksum and segmentation offload, between netif's flags and virtio_net_hdr. netif says only that something is left
 * to do, virtio_net_hdr also where; so the packet's headers are looked at.
 */

const scratch = emptyHeaders();

/** A packet that is to be cut into TCP segments of `size` bytes; type 0 (XEN_NETIF_GSO_TYPE_NONE) for others. */
export interface Segmentation {
  type: number;
  size: number;
}

/**
 * Fills in the header before a packet from the guest, which ends at `end`. False when the packet is not what its flags
 * and segmentation say.
 */
export function describeToHost(packet: PacketBuffer, end: number, flags: number, gso: Segmentation): boolean {
  packet.clearHeader();
  const segmented = gso.type !== XEN_NETIF_GSO_TYPE.NONE;
  const blank = (flags & NETTXF.csum_blank) !== 0;
  if (!segmented && !blank) {
    if ((flags & NETTXF.data_validated) !== 0) packet.flags = VIRTIO_NET_HDR_F.DATA_VALID;
    return true;
  }
  if (!findHeaders(packet.bytes, FRAME, end, scratch)) return false;
  packet.flags = VIRTIO_NET_HDR_F.NEEDS_CSUM;
  packet.setChecksum(scratch.transport - FRAME, scratch.checksum);
  if (!segmented) return true;
  if (gso.size === 0 || gso.type !== segmentationType(scratch)) return false;
  // Each segment gets a new checksum, which starts from the pseudo header's sum; front ends may have completed it.
  if (!blank) writePseudoHeaderSum(packet.bytes, scratch, end);
  const type = gso.type === XEN_NETIF_GSO_TYPE.TCPV4 ? VIRTIO_NET_HDR_GSO.TCPV4 : VIRTIO_NET_HDR_GSO.TCPV6;
  packet.setSegments(type, gso.size, scratch.payload - FRAME);
  return true;
}

/** Which XEN_NETIF_GSO_TYPE packets with these headers can have. */
function segmentationType({ protocol, family }: Headers): number {
  if (protocol !== IP_PROTOCOL.tcp) return XEN_NETIF_GSO_TYPE.NONE;
  return family === "ipv4" ? XEN_NETIF_GSO_TYPE.TCPV4 : XEN_NETIF_GSO_TYPE.TCPV6;
}

/**
 * Reads the header before a packet from the host, which ends at `end`. Returns NETRXF flags for the front end and fills
 * in `gso`; -1 when the front end cannot take the packet. A checksum that it does not complete itself is completed.
 */
export function describeToGuest(
  packet: PacketBuffer,
  end: number,
  front: FrontEnd,
  gso: Segmentation,
): number {
  gso.type = XEN_NETIF_GSO_TYPE.NONE;
  const validated = (packet.flags & VIRTIO_NET_HDR_F.DATA_VALID) !== 0 ? NETRXF.data_validated : 0;
  const segmented = packet.gsoType !== VIRTIO_NET_HDR_GSO.NONE;
  if ((packet.flags & VIRTIO_NET_HDR_F.NEEDS_CSUM) === 0) return segmented ? -1 : validated;
  const start = FRAME + packet.checksumStart;
  const field = start + packet.checksumOffset;
  if (field + 2 > end) return -1;
  const taken = takesChecksum(packet, end, front, start, field);
  if (segmented) {
    const type = segmentationType(scratch);
    if (!taken || !takesSegments(packet, front, type)) return -1;
    gso.type = type;
    gso.size = packet.gsoSize;
  }
  if (taken) return NETRXF.csum_blank | NETRXF.data_validated;
  completeChecksum(packet.bytes, start, end, field);
  return NETRXF.data_validated;
}

/** Whether the front end completes this checksum, at the place where it will look for it. Leaves headers in `scratch`. */
function takesChecksum(
  packet: PacketBuffer,
  end: number,
  front: FrontEnd,
  start: number,
  field: number,
): boolean {
  if (!findHeaders(packet.bytes, FRAME, end, scratch)) return false;
  if (scratch.transport !== start || start + scratch.checksum !== field) return false;
  return scratch.family === "ipv4" ? front.checksum4 : front.checksum6;
}

function takesSegments(packet: PacketBuffer, front: FrontEnd, type: number): boolean {
  switch (packet.gsoType) {
    case VIRTIO_NET_HDR_GSO.TCPV4:
      return front.segments4 && type === XEN_NETIF_GSO_TYPE.TCPV4;
    case VIRTIO_NET_HDR_GSO.TCPV6:
      return front.segments6 && type === XEN_NETIF_GSO_TYPE.TCPV6;
    default:
      return false;
  }
}
