import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyHeaders, findHeaders } from "./headers.ts";
import { ethernet, ipv4, ipv6, tcp, udp } from "./packets.testing.ts";

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const vlan = (inner: number[]) => [0x81, 0x00, 0x00, 0x05, ...inner];

function find(packet: Uint8Array, start = 0, end = packet.length) {
  const headers = emptyHeaders();
  return findHeaders(packet, start, end, headers) ? headers : undefined;
}

describe("the transport header", () => {
  const extension = (next: number, length: number) => [
    next,
    length,
    ...Array<number>(6 + length * 8).fill(0),
  ];
  const fragment = (next: number, offset: number) => [next, 0, offset >> 8, offset & 0xff, 0, 0, 0, 1];
  const found: [string, Uint8Array, Partial<ReturnType<typeof emptyHeaders>>][] = [
    [
      "TCP",
      ethernet(IPV4, ipv4(6, tcp([1]))),
      { family: "ipv4", protocol: 6, network: 14, transport: 34, checksum: 16, payload: 54 },
    ],
    ["UDP", ethernet(IPV4, ipv4(17, udp([1]))), { protocol: 17, transport: 34, checksum: 6, payload: 42 }],
    ["TCP options", ethernet(IPV4, ipv4(6, tcp([], 0, [1, 1, 1, 0]))), { payload: 58 }],
    ["IPv4 options", ethernet(IPV4, ipv4(6, tcp([]), [1, 1, 1, 0])), { transport: 38 }],
    ["one VLAN tag", ethernet(IPV4, ipv4(6, tcp([])), [0x81, 0, 0, 5]), { network: 18, transport: 38 }],
    ["two VLAN tags", ethernet(IPV4, ipv4(6, tcp([])), [0x88, 0xa8, 0, 5, ...vlan([])]), { transport: 42 }],
    ["a don't-fragment bit", ethernet(IPV4, ipv4(6, tcp([]), [], 0x4000)), { transport: 34 }],
    [
      "IPv6 TCP",
      ethernet(IPV6, ipv6(6, tcp([1]))),
      { family: "ipv6", network: 14, transport: 54, payload: 74 },
    ],
    ["IPv6 UDP", ethernet(IPV6, ipv6(17, udp([]))), { protocol: 17, transport: 54 }],
    [
      "extension headers",
      ethernet(IPV6, ipv6(0, [...extension(60, 0), ...extension(43, 1), ...extension(6, 0), ...tcp([])])),
      { protocol: 6, transport: 86 },
    ],
    [
      "an authentication header",
      ethernet(IPV6, ipv6(51, [6, 4, ...Array<number>(22).fill(0), ...tcp([])])),
      { transport: 78 },
    ],
    [
      "an unfragmented fragment header",
      ethernet(IPV6, ipv6(44, [...fragment(6, 0), ...tcp([])])),
      { transport: 62 },
    ],
  ];
  test.for(found)("is found behind %s", ([, packet, expected]) => {
    expect(find(packet)).toMatchObject(expected);
  });

  const chain = Array.from({ length: 10 }, () => extension(60, 0)).flat();
  const missing: [string, Uint8Array][] = [
    ["ARP", ethernet(0x0806, Array<number>(28).fill(0))],
    ["ICMP", ethernet(IPV4, ipv4(1, [8, 0, 0, 0, 0, 0, 0, 0]))],
    ["a first fragment", ethernet(IPV4, ipv4(6, tcp([]), [], 0x2000))],
    ["a later fragment", ethernet(IPV4, ipv4(6, tcp([]), [], 0x0010))],
    ["an IPv6 fragment", ethernet(IPV6, ipv6(44, [...fragment(6, 1), ...tcp([])]))],
    ["a wrong IP version", ethernet(IPV4, [0x65, ...ipv4(6, tcp([])).slice(1)])],
    ["an IPv4 header of 16 bytes", ethernet(IPV4, [0x44, ...ipv4(6, tcp([])).slice(1)])],
    [
      "a TCP header of 16 bytes",
      ethernet(IPV4, ipv4(6, [...tcp([]).slice(0, 12), 0x40, ...tcp([]).slice(13)])),
    ],
    [
      "a TCP header beyond the packet",
      ethernet(IPV4, ipv4(6, [...tcp([]).slice(0, 12), 0x60, ...tcp([]).slice(13)])),
    ],
    ["three VLAN tags", ethernet(IPV4, ipv4(6, tcp([])), [...vlan([]), ...vlan([]), ...vlan([])])],
    ["an endless chain of extension headers", ethernet(IPV6, ipv6(60, chain))],
  ];
  test.for(missing)("is not looked for in %s", ([, packet]) => {
    expect(find(packet)).toBeUndefined();
  });

  test("is not found in a packet that is cut off anywhere before its end", () => {
    for (const packet of [
      ethernet(IPV4, ipv4(6, tcp([]))),
      ethernet(IPV6, ipv6(0, [...extension(17, 1), ...udp([])])),
    ]) {
      for (let end = 0; end < packet.length; end++)
        expect(find(packet, 0, end), `${end} bytes`).toBeUndefined();
      expect(find(packet)).toBeDefined();
    }
  });

  test("is counted from the array's start", () => {
    const packet = ethernet(IPV4, ipv4(17, udp([1, 2])));
    const shifted = new Uint8Array(10 + packet.length);
    shifted.set(packet, 10);
    expect(find(shifted, 10)).toMatchObject({ network: 24, transport: 44, payload: 52 });
  });

  test("of any bytes lies within them", () => {
    const start = fc.constantFrom<number[]>(
      [],
      [0x08, 0x00, 0x45],
      [0x86, 0xdd, 0x60],
      [0x81, 0x00, 0, 1, 0x86, 0xdd, 0x60],
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (type, rest) => {
        const packet = Uint8Array.from([...Array<number>(12).fill(2), ...type, ...rest]);
        const headers = find(packet);
        if (headers === undefined) return;
        expect(headers.network).toBeGreaterThanOrEqual(14);
        expect(headers.transport).toBeGreaterThan(headers.network);
        expect(headers.transport + headers.checksum + 2).toBeLessThanOrEqual(headers.payload);
        expect(headers.payload).toBeLessThanOrEqual(packet.length);
      }),
      { numRuns: 2000 },
    );
  });
});
