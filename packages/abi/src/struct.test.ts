import { expect, test } from "vitest";
import { array, bytes, cstring, nested, s8, struct, u8, u16, u32, u64 } from "./struct.ts";

const point = struct("point", 8, { x: u32(0), y: u32(4) });

test("fields that overlap or end beyond the size make the declaration fail", () => {
  expect(() => struct("bad", 8, { a: u32(0), b: u16(2) })).toThrow("bad.b at 2 overlaps a, which ends at 4");
  expect(() => struct("bad", 7, { a: u32(4) })).toThrow("bad.a ends at 8, beyond the size 7");
});

test("encodes little endian, zeroes what is not given, and decodes back", () => {
  const all = struct("all", 64, {
    a: u8(0),
    b: s8(1),
    c: u16(2),
    d: u64(8),
    name: cstring(16, 8),
    raw: bytes(24, 4),
    list: array(28, 3, 4, u16),
    points: array(40, 2, 8, (at) => nested(at, point)),
  });
  const values = {
    a: 0xfe,
    b: -2,
    c: 0x1234,
    d: 0x0123456789abcdefn,
    name: "xen",
    raw: Uint8Array.of(9, 8, 7, 6),
    list: [1, 2, 3],
    points: [
      { x: 1, y: 2 },
      { x: 3, y: 0xffffffff },
    ],
  };
  const encoded = all.encode(values);
  expect([...encoded.subarray(0, 20)]).toEqual([
    0xfe, 0xfe, 0x34, 0x12, 0, 0, 0, 0, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0x78, 0x65, 0x6e, 0,
  ]);
  expect([...encoded.subarray(28, 40)]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
  expect(all.decode(encoded)).toEqual(values);
});

test("writeTo leaves other fields alone and refuses to leave the buffer", () => {
  const target = new Uint8Array(12).fill(0xff);
  point.writeTo(target, 2, { y: 1 });
  expect([...target]).toEqual([255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 255, 255]);
  expect(() => point.writeTo(target, 5, { y: 1 })).toThrow("point (8 bytes) at 5 does not fit in 12 bytes");
  expect(() => point.decode(target, -1)).toThrow(RangeError);
});

test("a string needs room for its NUL", () => {
  const named = struct("named", 4, { name: cstring(0, 4) });
  expect(named.decode(named.encode({ name: "abc" })).name).toBe("abc");
  expect(() => named.encode({ name: "abcd" })).toThrow("4 bytes and a NUL do not fit in 4");
});
