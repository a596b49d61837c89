import koffi from "koffi";
import { expect, test } from "vitest";
import { cpuidArray } from "./cpuid-array.ts";

test("the array has each leaf with its texts where C finds them, and an end", () => {
  const off = "0".repeat(32);
  const array = cpuidArray([
    { leaf: 1, subleaf: 0xffffffff, policy: [null, null, "x".repeat(32), off] },
    { leaf: 7, subleaf: 0, policy: [off, null, null, null] },
  ]);
  const view = new DataView(array.buffer);
  const text = (entry: number, register: number) => {
    const address = view.getBigUint64(entry * 40 + 8 + register * 8, true);
    return address === 0n ? null : koffi.decode(address, "char", -1);
  };
  expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([1, 0xffffffff]);
  expect([text(0, 0), text(0, 2), text(0, 3)]).toEqual([null, "x".repeat(32), off]);
  expect([view.getUint32(40, true), view.getUint32(44, true), text(1, 0)]).toEqual([7, 0, off]);
  expect(view.getUint32(80, true)).toBe(0xffffffff);
});
