import { expect, test } from "vitest";
import { parseCount, parseMemory } from "./sizes.ts";

test.each([
  ["512", 512],
  ["512m", 512],
  ["2G", 2048],
  ["1t", 1024 ** 2],
  ["2048k", 2],
  ["0", 0],
])("%s is %d MiB", (text, mib) => {
  expect(parseMemory(text)).toBe(mib);
});

test.each(["", "m", "1.5g", "-1", "1000k", "64mb", "0x40", " 64"])("%j is no memory", (text) => {
  expect(() => parseMemory(text)).toThrow(/must be a whole number of MiB/);
});

test("a count is a whole number", () => {
  expect(parseCount("vcpus", "4")).toBe(4);
  for (const text of ["", "four", "-1", "1.5", "1e3"]) {
    expect(() => parseCount("vcpus", text)).toThrow(/vcpus is ".*"; it must be a whole number/);
  }
});
