import { expect, test } from "vitest";
import { nextDomid } from "./domids.ts";

test("domids go up, pass over what is used, and begin again after the last", () => {
  expect(nextDomid(0, new Set())).toBe(1);
  expect(nextDomid(1, new Set([2, 3]))).toBe(4);
  expect(nextDomid(0x3fff, new Set([1]))).toBe(2);
});

test("what is beyond the last, as another program may have chosen it, leads back into the range", () => {
  const domid = nextDomid(0x7fef, new Set());
  expect(domid).toBeGreaterThanOrEqual(1);
  expect(domid).toBeLessThanOrEqual(0x3fff);
});

test("when all are used nothing is given twice", () => {
  const all = new Set(Array.from({ length: 0x3fff }, (_, i) => i + 1));
  expect(() => nextDomid(5, all)).toThrow(/in use/);
  all.delete(5);
  expect(nextDomid(5, all)).toBe(5);
});
