import fc from "fast-check";
import { expect, test } from "vitest";
import { completeChecksum, writePseudoHeaderSum } from "./checksum.ts";
import { emptyHeaders, findHeaders } from "./headers.ts";
import { counted, ethernet, internetChecksum, ipv4, ipv6, pseudoSum, tcp, udp } from "./packets.testing.ts";

test.for([0, 1, 2, 7, 1460, 65000])("a checksum over %i bytes of data", (length) => {
  const segment = [...counted(16), 0x12, 0x34, ...counted(2 + length)];
  const bytes = Uint8Array.from([9, 9, ...segment]);
  completeChecksum(bytes, 2, bytes.length, 18);
  expect((bytes[18] ?? 0) * 256 + (bytes[19] ?? 0)).toBe(internetChecksum(segment));
  expect([...bytes.subarray(0, 18), ...bytes.subarray(20)]).toEqual([
    9,
    9,
    ...segment.slice(0, 16),
    ...segment.slice(18),
  ]);
});

test("0 is written as 0xffff", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0, 0);
  completeChecksum(bytes, 0, 4, 2);
  expect([...bytes]).toEqual([0xff, 0xff, 0xff, 0xff]);
});

test("with the pseudo header's sum in its field, what results is right for the receiver", () => {
  const cases = fc.tuple(
    fc.constantFrom<4 | 6>(4, 6),
    fc.constantFrom(6, 17),
    fc.array(fc.nat(255), { maxLength: 99 }),
  );
  fc.assert(
    fc.property(cases, ([family, protocol, data]) => {
      const segment = protocol === 6 ? tcp(data, 0xbeef) : udp(data, 0xbeef);
      const packet =
        family === 4 ? ethernet(0x0800, ipv4(protocol, segment)) : ethernet(0x86dd, ipv6(protocol, segment));
      const headers = emptyHeaders();
      expect(findHeaders(packet, 0, packet.length, headers)).toBe(true);
      const field = headers.transport + headers.checksum;
      writePseudoHeaderSum(packet, headers, packet.length);
      const pseudo = pseudoSum(family, protocol, segment.length);
      expect((packet[field] ?? 0) * 256 + (packet[field + 1] ?? 0)).toBe(pseudo);
      completeChecksum(packet, headers.transport, packet.length, field);
      // Of a right segment the sum with the pseudo header is all ones.
      const sent = [...packet.subarray(headers.transport)];
      expect(internetChecksum([pseudo >> 8, pseudo & 0xff, ...sent])).toBe(0);
    }),
  );
});
