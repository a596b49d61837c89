import { xenconsInterface } from "@pvh/abi";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { GuestMemory } from "../guest-memory.ts";
import { ConsoleRing } from "./console-ring.ts";

const GPA = 0x3000;
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const encode = (value: string) => new TextEncoder().encode(value);

let memory: GuestMemory;
let page: Uint8Array;
let ring: ConsoleRing;

beforeEach(() => {
  memory = new GuestMemory([{ gpa: 0, buffer: new ArrayBuffer(0x4000) }]);
  page = memory.bytes(GPA, 4096);
  ring = new ConsoleRing(memory, GPA);
});

function indexes(values: Parameters<typeof xenconsInterface.encode>[0]): void {
  xenconsInterface.writeTo(page, 0, values);
}
const now = () => xenconsInterface.decode(page);

test("output goes once, also across the end of the ring", () => {
  expect(ring.takeOutput()).toBeUndefined();
  const start = 2048 * 3 - 2;
  for (const [i, byte] of encode("hello").entries()) page[1024 + ((start + i) & 2047)] = byte;
  indexes({ out_cons: start, out_prod: start + 5 });
  expect(text(ring.takeOutput())).toBe("hello");
  expect(now().out_cons).toBe(start + 5);
  expect(ring.takeOutput()).toBeUndefined();
});

test("a full ring is output, more than full is none", () => {
  indexes({ out_cons: 7, out_prod: 7 + 2048 });
  expect(ring.takeOutput()).toHaveLength(2048);
  indexes({ out_cons: 7, out_prod: 7 + 2049 });
  expect(ring.takeOutput()).toHaveLength(0);
  expect(now()).toMatchObject({ out_cons: 7 + 2049, out_prod: 7 + 2049 });
});

test("input fills the ring and no more", () => {
  expect(ring.putInput(new Uint8Array(2000).fill(65))).toBe(1024);
  expect(ring.putInput(encode("x"))).toBe(0);
  indexes({ in_cons: 10 });
  expect(ring.putInput(encode("0123456789abc"))).toBe(10);
  expect(text(page.subarray(0, 10))).toBe("0123456789");
  expect(now().in_prod).toBe(1034);
});

test("indexes wrap at 2^32", () => {
  indexes({ in_cons: 0xfffffffe, in_prod: 0xfffffffe });
  expect(ring.putInput(encode("abcd"))).toBe(4);
  expect(now().in_prod).toBe(2);
  expect(text(Uint8Array.of(page[1022] ?? 0, page[1023] ?? 0, page[0] ?? 0, page[1] ?? 0))).toBe("abcd");
});

test("whatever the indexes, nothing outside the rings is touched", () => {
  const index = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(index, index, index, index, (in_cons, in_prod, out_cons, out_prod) => {
      page.fill(0x11);
      indexes({ in_cons, in_prod, out_cons, out_prod });
      expect(ring.takeOutput()?.length ?? 0).toBeLessThanOrEqual(2048);
      expect(ring.putInput(new Uint8Array(3000).fill(0x22))).toBeLessThanOrEqual(1024);
      expect(page.subarray(1024, 3072).every((byte) => byte === 0x11)).toBe(true);
      expect(page.subarray(3088).every((byte) => byte === 0x11)).toBe(true);
    }),
  );
});
