/** Ethernet, IP and transport headers of a packet, as far as checksum and segmentation offload need them. */

export const ETHERNET_HEADER = 14;
const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;
const VLAN_TAG = 4;
/** 802.1ad: a service tag and a customer tag. */
const MAX_VLAN_TAGS = 2;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** Extension headers that are followed; real packets have one or two. */
const MAX_EXTENSIONS = 8;

export const IP_PROTOCOL = { tcp: 6, udp: 17 } as const;
const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;

/** Offsets are from the first byte of the packet's array. One object serves for many packets. */
export interface Headers {
  family: "ipv4" | "ipv6";
  /** {@link IP_PROTOCOL} */
  protocol: number;
  network: number;
  transport: number;
  /** The checksum's place in the TCP or UDP header, from `transport`. */
  checksum: number;
  payload: number;
}

export function emptyHeaders(): Headers {
  return { family: "ipv4", protocol: 0, network: 0, transport: 0, checksum: 0, payload: 0 };
}

/**
 * Finds the TCP or UDP header of the packet in [start, end) of `bytes`. False when there is none, or when it is cut
 * off or in a fragment: then nothing in `headers` means anything.
 */
export function findHeaders(bytes: Uint8Array, start: number, end: number, headers: Headers): boolean {
  if (end - start < ETHERNET_HEADER) return false;
  let at = start + ETHERNET_HEADER;
  let type = word(bytes, at - 2);
  for (let tags = 0; type === ETHERTYPE.vlan || type === ETHERTYPE.serviceVlan; tags++) {
    at += VLAN_TAG;
    if (tags === MAX_VLAN_TAGS || at > end) return false;
    type = word(bytes, at - 2);
  }
  headers.network = at;
  if (type === ETHERTYPE.ipv4) return afterIpv4(bytes, at, end, headers);
  if (type === ETHERTYPE.ipv6) return afterIpv6(bytes, at, end, headers);
  return false;
}

function afterIpv4(bytes: Uint8Array, at: number, end: number, headers: Headers): boolean {
  if (end - at < IPV4_HEADER) return false;
  const first = byte(bytes, at);
  const size = (first & 0xf) * 4;
  if (first >> 4 !== 4 || size < IPV4_HEADER || size > end - at) return false;
  const moreFragmentsAndOffset = word(bytes, at + 6) & 0x3fff;
  if (moreFragmentsAndOffset !== 0) return false;
  headers.family = "ipv4";
  return transport(bytes, at + size, end, byte(bytes, at + 9), headers);
}

function afterIpv6(bytes: Uint8Array, ip: number, end: number, headers: Headers): boolean {
  if (end - ip < IPV6_HEADER || byte(bytes, ip) >> 4 !== 6) return false;
  headers.family = "ipv6";
  let next = byte(bytes, ip + 6);
  let at = ip + IPV6_HEADER;
  for (let count = 0; count <= MAX_EXTENSIONS; count++) {
    if (!isExtension(next)) return transport(bytes, at, end, next, headers);
    if (end - at < 8) return false;
    let size = (byte(bytes, at + 1) + 1) * 8;
    if (next === EXTENSION.authentication) size = (byte(bytes, at + 1) + 2) * 4;
    if (next === EXTENSION.fragment) {
      const offsetAndMoreFragments = word(bytes, at + 2) & 0xfff9;
      if (offsetAndMoreFragments !== 0) return false;
      size = 8;
    }
    next = byte(bytes, at);
    at += size;
  }
  return false;
}

function isExtension(protocol: number): boolean {
  switch (protocol) {
    case EXTENSION.hopByHop:
    case EXTENSION.routing:
    case EXTENSION.fragment:
    case EXTENSION.authentication:
    case EXTENSION.destination:
      return true;
    default:
      return false;
  }
}

function transport(bytes: Uint8Array, at: number, end: number, protocol: number, headers: Headers): boolean {
  headers.protocol = protocol;
  headers.transport = at;
  if (protocol === IP_PROTOCOL.udp) {
    headers.checksum = 6;
    headers.payload = at + 8;
    return end - at >= 8;
  }
  if (protocol !== IP_PROTOCOL.tcp || end - at < 20) return false;
  const size = (byte(bytes, at + 12) >> 4) * 4;
  headers.checksum = 16;
  headers.payload = at + size;
  return size >= 20 && size <= end - at;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}
