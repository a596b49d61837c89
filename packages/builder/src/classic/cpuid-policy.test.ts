import { expect, test } from "vitest";
import { classicCpuPolicy } from "./cpuid-policy.ts";

const change = (leaf: number) => classicCpuPolicy().find((one) => one.leaf === leaf) ?? expect.fail();

/** What libxc makes of a register that has all bits by default. */
function seen(leaf: number, register: "eax" | "ebx" | "ecx" | "edx"): number {
  const text = change(leaf).policy[["eax", "ebx", "ecx", "edx"].indexOf(register)] ?? expect.fail();
  expect(text).toMatch(/^[0x]{32}$/);
  return Number.parseInt(text.replaceAll("x", "1"), 2);
}

const bits = (...numbers: number[]) => numbers.reduce((sum, bit) => sum + 2 ** bit, 0);

test("a string has bit 31 first, and a register that stays has none", () => {
  expect(change(1)).toEqual({
    leaf: 1,
    subleaf: 0xffffffff,
    policy: [
      null,
      null,
      ["xxxxxxx0", "xx0xx00x", "00xxxxx0", "000000xx"].join(""),
      ["0x00xxxx", "xx0xxx0x", "x0x0xxxx", "0xxxxx0x"].join(""),
    ],
  });
});

test("what the kernels and the first state of their vCPUs need stays", () => {
  // PSE, PAE, APIC, PGE, of which CR4 of the shims has three.
  for (const bit of [3, 6, 9, 13]) expect(seen(1, "edx") & (1 << bit)).not.toBe(0);
  // SYSCALL, NX, LM.
  for (const bit of [11, 20, 29]) expect(seen(0x80000001, "edx") & (1 << bit)).not.toBe(0);
});

test("leaf 7 shows nine features and no further sub-leaf", () => {
  expect(change(7).subleaf).toBe(0);
  expect(seen(7, "ebx")).toBe(bits(0, 3, 4, 5, 8, 9, 11, 18, 19));
  expect([seen(7, "eax"), seen(7, "ecx"), seen(7, "edx")]).toEqual([0, 0, 0]);
});

test("a package has one core with one thread", () => {
  expect(seen(1, "edx") & bits(28)).toBe(0);
  expect(seen(0x80000001, "ecx") & bits(1)).toBe(0);
  expect([change(4).subleaf, seen(4, "eax")]).toEqual([0, 0x3fff]);
  expect(seen(0x80000008, "ecx")).toBe(0xffff0f00);
});

test("leaves that a processor lacks are left out, as libxc fails for them", () => {
  const leaves = (maxLeaf: number) => classicCpuPolicy({ maxLeaf }).map(({ leaf }) => leaf);
  expect(leaves(0xd)).toEqual([1, 4, 7, 0xa, 0x80000001, 0x80000008]);
  expect(leaves(6)).toEqual([1, 4, 0x80000001, 0x80000008]);
});
