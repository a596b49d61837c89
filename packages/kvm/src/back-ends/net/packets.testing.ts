import { virtioNetHdr } from "@pvh/abi";

/** For tests: packets, built by the RFCs without the code under test. */

const MACS = [0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1];
export const ADDRESS4 = { source: [10, 0, 0, 1], destination: [10, 0, 0, 2] };
const ADDRESS6 = {
  source: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  destination: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
};

const be16 = (value: number) => [value >> 8, value & 0xff];

export function ethernet(type: number, payload: number[], tags: number[] = []): Uint8Array {
  return Uint8Array.from([...MACS, ...tags, ...be16(type), ...payload]);
}

export function ipv4(protocol: number, payload: number[], options: number[] = [], fragment = 0): number[] {
  const size = 20 + options.length;
  const { source, destination } = ADDRESS4;
  const before = [
    0x40 | (size / 4),
    0,
    ...be16(size + payload.length),
    0,
    0,
    ...be16(fragment),
    64,
    protocol,
  ];
  const after = [...source, ...destination, ...options];
  return [...before, ...be16(internetChecksum([...before, 0, 0, ...after])), ...after, ...payload];
}

export function ipv6(next: number, payload: number[]): number[] {
  const { source, destination } = ADDRESS6;
  return [0x60, 0, 0, 0, ...be16(payload.length), next, 64, ...source, ...destination, ...payload];
}

/** The checksum field holds `checksum`. */
export function tcp(data: number[], checksum = 0, options: number[] = []): number[] {
  const offset = ((20 + options.length) / 4) << 4;
  return [
    0x12,
    0x34,
    0,
    80,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    1,
    offset,
    0x10,
    0xff,
    0xff,
    ...be16(checksum),
    0,
    0,
    ...options,
    ...data,
  ];
}

export function udp(data: number[], checksum = 0): number[] {
  return [0x12, 0x34, 0, 53, ...be16(8 + data.length), ...be16(checksum), ...data];
}

/** RFC 1071, the slow way. */
export function internetChecksum(bytes: number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return ~sum & 0xffff;
}

/** Of the IPv4 or IPv6 pseudo header before a segment of `length` bytes, not complemented. */
export function pseudoSum(family: 4 | 6, protocol: number, length: number): number {
  const { source, destination } = family === 4 ? ADDRESS4 : ADDRESS6;
  return ~internetChecksum([...source, ...destination, 0, protocol, ...be16(length)]) & 0xffff;
}

/** As a TAP gives it. */
export function withHeader(
  frame: Uint8Array,
  header: Parameters<typeof virtioNetHdr.encode>[0] = {},
): Uint8Array {
  const encoded = virtioNetHdr.encode(header);
  const packet = new Uint8Array(encoded.length + frame.length);
  packet.set(encoded);
  packet.set(frame, encoded.length);
  return packet;
}

export const counted = (length: number) => Array.from({ length }, (_, i) => (i * 7 + 1) & 0xff);
