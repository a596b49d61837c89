import koffi from "koffi";
import { expect, test } from "vitest";
import { Callbacks } from "./callbacks.ts";

const libc = koffi.load("libc.so.6");
/** Calls back at least once for two elements, with their addresses. */
const qsort: (base: Uint8Array, count: number, size: number, compare: bigint) => void = libc.func(
  "void qsort(void *base, size_t count, size_t size, void *compare)",
);

test("a function is called by address", () => {
  const callbacks = new Callbacks();
  let calls = 0;
  const address = callbacks.add("ofData", { done: 1, failed: 0 }, () => void calls++);
  qsort(Uint8Array.of(1, 2), 2, 1, address);
  callbacks.release();
  expect(calls).toBeGreaterThan(0);
  expect(callbacks.failure).toBeUndefined();
});

test("what it throws is kept, and does not go through the library", () => {
  const callbacks = new Callbacks();
  const address = callbacks.add("ofData", { done: 1, failed: 0 }, () => {
    throw new RangeError("no");
  });
  qsort(Uint8Array.of(1, 2), 2, 1, address);
  callbacks.release();
  expect(callbacks.failure).toEqual(new RangeError("no"));
});
