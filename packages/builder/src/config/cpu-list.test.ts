import fc from "fast-check";
import { expect, test } from "vitest";
import { errorOf } from "./config.testing.ts";
import { cpuListProblem, cpusOfList, listOfCpus, requireCpuList } from "./cpu-list.ts";

test.each([
  ["all", [0, 1, 2, 3, 4, 5, 6, 7]],
  ["2", [2]],
  ["0-3", [0, 1, 2, 3]],
  ["0-3,^2", [0, 1, 3]],
  ["^2,0-3", [0, 1, 2, 3]],
  ["0-3,^1-2", [0, 3]],
  ["all,^0", [1, 2, 3, 4, 5, 6, 7]],
  ["0, 2 ,4", [0, 2, 4]],
  ["6-9", [6, 7]],
  ["1,1,0-1", [0, 1]],
  ["007", [7]],
  ["8-15", []],
])("%j names %j of eight CPUs", (text, cpus) => {
  expect(requireCpuList("cpus", text)).toBe(text);
  expect([...cpusOfList(text, 8)]).toEqual(cpus);
});

test.each([
  ["", /^cpus is "", which has "" where a CPU/],
  ["0,", /where a CPU or a range of CPUs is right/],
  ["a", /has "a" where/],
  ["-3", /has "-3" where/],
  ["0-", /has "0-" where/],
  ["1.5", /where a CPU/],
  ["0x2", /where a CPU/],
  ["^^1", /where a CPU/],
  ["3-1", /the range "3-1", which ends before it begins/],
  ["16384", /no host has a CPU above 16383/],
  ["0-99999", /no host has a CPU above/],
  ["^all", /takes all CPUs away/],
  ["0-3,^0-3", /leaves no CPU/],
  ["^2", /leaves no CPU/],
  ["0,".repeat(3000), /longer than 4096 characters/],
])("%j is refused", (text, why) => {
  expect(cpuListProblem("cpus", text)?.sentence).toMatch(why);
  expect(errorOf(() => requireCpuList("cpus", text)).code).toBe("CONFIG_INVALID");
  expect([...cpusOfList(text, 8)]).toEqual([]);
});

test.each(["node:0", "all,^nodes:0-1"])("%j is refused as not implemented", (text) => {
  const error = errorOf(() => requireCpuList("cpus", text));
  expect(error.code).toBe("CONFIG_KEY_UNSUPPORTED");
  expect(error.message).toMatch(/NUMA nodes/);
});

test("what is no text is refused", () => {
  expect(errorOf(() => requireCpuList("cpus_soft", 3))).toMatchObject({
    code: "CONFIG_INVALID",
    details: { field: "cpus_soft", found: "3" },
  });
});

test("a text of many ranges costs little", () => {
  const before = performance.now();
  for (let i = 0; i < 100; i++) cpuListProblem("cpus", `${"0-16383,".repeat(500)}0`);
  expect(performance.now() - before).toBeLessThan(5000);
});

test.each([
  [[0, 1, 2, 3], "all"],
  [[0], "0"],
  [[3, 0, 1], "0-1,3"],
  [[], ""],
  [[1, 2, 9], "1-2"],
])("%j of four CPUs is written %j", (cpus, text) => {
  expect(listOfCpus(new Set(cpus), 4)).toBe(text);
});

test("what is written for a set names that set", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(30), { minLength: 1 }), (cpus) => {
      const text = listOfCpus(new Set(cpus), 31);
      expect(cpuListProblem("cpus", text)).toBeUndefined();
      expect(cpusOfList(text, 31)).toEqual(new Set(cpus));
    }),
  );
});
