import { APIC_DEFAULT_BASE, APIC_REG } from "@pvh/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { TestApics } from "./test-apics.ts";

let bench: TestApics;
beforeEach(() => {
  bench = new TestApics(2);
});

const BASE = 0x1b;
const DISABLED = 0xfee00000n;
const XAPIC = 0xfee00800n;
const X2APIC = 0xfee00c00n;
const INVALID = 0xfee00400n;

/** Brings vCPU 1 to a mode by allowed ways. */
function enter(mode: bigint): void {
  if (mode === X2APIC) bench.writeMsr(1, BASE, X2APIC);
  if (mode === DISABLED) bench.writeMsr(1, BASE, DISABLED);
  expect(bench.readMsr(1, BASE)).toBe(mode);
}

describe("modes", () => {
  // SDM volume 3, figure 11-27.
  test.each([
    ["disabled", DISABLED, "disabled", DISABLED, true],
    ["disabled", DISABLED, "xAPIC", XAPIC, true],
    ["disabled", DISABLED, "x2APIC", X2APIC, false],
    ["disabled", DISABLED, "invalid", INVALID, false],
    ["xAPIC", XAPIC, "disabled", DISABLED, true],
    ["xAPIC", XAPIC, "xAPIC", XAPIC, true],
    ["xAPIC", XAPIC, "x2APIC", X2APIC, true],
    ["xAPIC", XAPIC, "invalid", INVALID, false],
    ["x2APIC", X2APIC, "disabled", DISABLED, true],
    ["x2APIC", X2APIC, "xAPIC", XAPIC, false],
    ["x2APIC", X2APIC, "x2APIC", X2APIC, true],
    ["x2APIC", X2APIC, "invalid", INVALID, false],
  ])("from %s to %s", (_from, before, _to, after, allowed) => {
    enter(before);
    expect(bench.writeMsr(1, BASE, after)).toBe(allowed);
    expect(bench.readMsr(1, BASE)).toBe(allowed ? after : before);
  });

  test("the page is there in xAPIC mode, the MSRs are in x2APIC mode", () => {
    const state = () => [bench.apics.base(1), bench.readX2(1, APIC_REG.VERSION)];
    expect(state()).toEqual([APIC_DEFAULT_BASE, undefined]);
    enter(X2APIC);
    expect(state()).toEqual([Number.POSITIVE_INFINITY, 0x50014n]);
    expect(bench.writeMsr(1, BASE, DISABLED)).toBe(true);
    expect(state()).toEqual([Number.POSITIVE_INFINITY, undefined]);
    expect(bench.writeX2(1, APIC_REG.TPR, 0n)).toBe(false);
  });

  test("xAPIC after disabled is as after power-on", () => {
    bench.enable(1);
    bench.write(1, APIC_REG.ID, 0x40 << 24);
    bench.write(1, APIC_REG.TPR, 0x40);
    enter(DISABLED);
    bench.writeMsr(1, BASE, XAPIC);
    expect([APIC_REG.ID, APIC_REG.TPR, APIC_REG.SVR].map((at) => bench.read(1, at))).toEqual([
      2 << 24,
      0,
      0xff,
    ]);
  });

  test("x2APIC mode keeps the registers but the id and the logical destination", () => {
    bench.enable(1);
    bench.write(1, APIC_REG.ID, 0x40 << 24);
    bench.write(1, APIC_REG.LDR, 0x40 << 24);
    bench.write(1, APIC_REG.TPR, 0x40);
    bench.apics.post(1, 0x51, "edge");
    bench.writeMsr(1, BASE, X2APIC);
    const registers = [APIC_REG.ID, APIC_REG.LDR, APIC_REG.TPR, APIC_REG.SVR];
    expect(registers.map((at) => bench.readX2(1, at))).toEqual([2n, 4n, 0x40n, 0x1ffn]);
    expect(bench.takeAll(1)).toEqual([0x51]);
  });

  test.each([
    ["a reserved low bit", 0xfee00801n],
    ["reserved bit 9", 0xfee00a00n],
    ["an address above 52 bits", (1n << 52n) | DISABLED],
    ["another page in xAPIC mode", 0xfed00800n],
    ["a page above 4 GiB in xAPIC mode", 0x1_fee00800n],
  ])("%s faults", (_, value) => {
    expect(bench.writeMsr(1, BASE, value)).toBe(false);
    expect(bench.readMsr(1, BASE)).toBe(XAPIC);
  });

  test("the page's address is free where there is no page", () => {
    expect(bench.writeMsr(1, BASE, 0x1_00000c00n)).toBe(true);
    expect(bench.writeMsr(1, BASE, 0x5000n)).toBe(true);
    expect(bench.readMsr(1, BASE)).toBe(0x5000n);
  });

  test("an APIC that is disabled takes no interrupts, and its timer makes none", () => {
    bench.enable(1);
    bench.write(1, APIC_REG.LVT_TIMER, 0x40);
    bench.write(1, APIC_REG.TIMER_INITIAL_COUNT, 1000);
    bench.apics.post(1, 0x51, "edge");
    enter(DISABLED);
    expect([bench.apics.pendingVector(1), bench.apics.deadline(1)]).toEqual([-1, Number.POSITIVE_INFINITY]);
    expect(bench.apics.post(1, 0x52, "edge")).toBe(false);
  });
});

describe("registers as MSRs", () => {
  beforeEach(() => {
    bench.enterX2apic(1);
  });

  // SDM volume 3, table 11-6.
  const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
  const readable = [
    ...[0x802, 0x803, 0x808, 0x80a, 0x80d, 0x80f],
    ...range(0x810, 24),
    ...[0x828, 0x82f, 0x830],
    ...range(0x832, 8),
    0x83e,
  ];
  const writable = [0x808, 0x80b, 0x80f, 0x828, 0x82f, 0x830, ...range(0x832, 7), 0x83e, 0x83f];

  test("only those of the table can be read and written", () => {
    const all = range(0x7f0, 0x130);
    expect(all.filter((index) => bench.apics.readMsr(1, index))).toEqual(readable);
    expect(all.filter((index) => bench.apics.writeMsr(1, index, 0, 0))).toEqual(writable);
  });

  test("none of them is there in xAPIC mode", () => {
    for (const index of range(0x800, 0x100)) {
      expect([bench.apics.readMsr(0, index), bench.apics.writeMsr(0, index, 0, 0)]).toEqual([false, false]);
    }
  });

  // Register, bits that do not fault, bits that a read shows then.
  test.each([
    ["TPR", 0x80, 0xffn, 0xffn],
    ["SVR", 0xf0, 0x3ffn, 0x3ffn],
    ["LVT timer", 0x320, 0x310ffn, 0x300ffn],
    ["LVT thermal", 0x330, 0x117ffn, 0x107ffn],
    ["LVT performance", 0x340, 0x117ffn, 0x107ffn],
    ["LVT LINT0", 0x350, 0x1f7ffn, 0x1a7ffn],
    ["LVT LINT1", 0x360, 0x1f7ffn, 0x1a7ffn],
    ["LVT error", 0x370, 0x110ffn, 0x100ffn],
    ["CMCI, which this version does not have", 0x2f0, 0x117ffn, 0n],
    ["initial count", 0x380, 0xffffffffn, 0xffffffffn],
    ["divide", 0x3e0, 0xbn, 0xbn],
  ])("%s faults for each reserved bit", (_, offset, allowed, shown) => {
    for (let bit = 0n; bit < 64n; bit++) {
      expect(bench.writeX2(1, offset, 1n << bit), `bit ${bit}`).toBe(((allowed >> bit) & 1n) === 1n);
    }
    expect(bench.writeX2(1, APIC_REG.SVR, 0x1ffn)).toBe(true);
    expect(bench.writeX2(1, offset, allowed)).toBe(true);
    expect(bench.readX2(1, offset)).toBe(shown);
  });

  test("the ICR faults for reserved bits of the low half only", () => {
    for (let bit = 0n; bit < 64n; bit++) {
      const allowed = bit >= 32n || ((0xccfffn & ~0x1000n) >> bit) & 1n;
      expect(bench.writeX2(1, APIC_REG.ICR, 1n << bit), `bit ${bit}`).toBe(Boolean(allowed));
    }
  });

  test("a fault sends nothing and changes nothing", () => {
    bench.events = [];
    bench.writeX2(1, APIC_REG.ICR, 0xffffffff_00004500n | (1n << 20n));
    expect([bench.events, bench.readX2(1, APIC_REG.ICR)]).toEqual([[], 0n]);
  });

  test.each([APIC_REG.EOI, APIC_REG.ESR])("register %i takes 0 only", (offset) => {
    expect([0n, 1n, 1n << 32n].map((value) => bench.writeX2(1, offset, value))).toEqual([true, false, false]);
  });

  test("an interrupt is ended through its MSR", () => {
    bench.apics.post(1, 0x51, "edge");
    bench.takeAll(1);
    expect(bench.readX2(1, APIC_REG.ISR + 0x20)).toBe(1n << 0x11n);
    bench.writeX2(1, APIC_REG.EOI, 0n);
    expect(bench.readX2(1, APIC_REG.ISR + 0x20)).toBe(0n);
  });
});

test("which MSRs are the APIC's", () => {
  const found = [0x1a, 0x1b, 0x7ff, 0x800, 0x8ff, 0x900].map((index) => bench.apics.isMsr(index));
  expect(found).toEqual([false, true, false, true, true, false]);
});
