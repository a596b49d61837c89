import { expect, test } from "vitest";
import { bitmapOf, cpusOf } from "./cpu-bitmap.ts";

test.each<[number[], number, number[]]>([
  [[], 1, [0]],
  [[0], 1, [1]],
  [[0, 7], 1, [0x81]],
  [[8, 15, 3], 2, [8, 0x81]],
])("the CPUs %j in %d bytes are %j", (cpus, size, bytes) => {
  expect([...bitmapOf(new Set(cpus), size)]).toEqual(bytes);
  expect(cpusOf(Uint8Array.from(bytes))).toEqual(new Set(cpus));
});

test("CPUs beyond the bitmap are left out", () => {
  expect([...bitmapOf(new Set([1, 8]), 1)]).toEqual([2]);
});
