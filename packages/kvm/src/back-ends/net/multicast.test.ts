import { expect, test } from "vitest";
import { MulticastFilter } from "./multicast.ts";

const mac = (...bytes: number[]) => Uint8Array.from(bytes);
const group = mac(0x33, 0x33, 0, 0, 0, 1);
const other = mac(0x33, 0x33, 0, 0, 0, 2);
const broadcast = mac(255, 255, 255, 255, 255, 255);
const host = mac(0, 0x16, 0x3e, 0, 0, 1);

test("only listed groups pass, and everything that is no multicast", () => {
  const filter = new MulticastFilter(true);
  expect(filter.add(group, 0)).toBe(true);
  expect([group, other, broadcast, host].map((address) => filter.passes(address, 0))).toEqual([
    true,
    false,
    true,
    true,
  ]);
  filter.delete(group, 0);
  expect(filter.passes(group, 0)).toBe(false);
});

test("everything passes for a front end that did not ask for it", () => {
  const filter = new MulticastFilter(false);
  filter.add(group, 0);
  expect(filter.passes(other, 0)).toBe(true);
});

test("the list has an end", () => {
  const filter = new MulticastFilter(true);
  const nth = (n: number) => mac(1, 0, 0, 0, n >> 8, n & 0xff);
  const taken = Array.from({ length: 1000 }, (_, n) => filter.add(nth(n), 0)).filter(Boolean).length;
  expect(taken).toBe(64);
  expect(filter.add(nth(3), 0)).toBe(true);
  filter.delete(nth(3), 0);
  expect(filter.add(nth(999), 0)).toBe(true);
});
