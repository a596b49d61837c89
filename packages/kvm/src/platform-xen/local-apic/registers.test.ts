import { APIC_DEFAULT_BASE, APIC_REG } from "@pvh/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { TestApics, vectors } from "./test-apics.ts";

let bench: TestApics;
beforeEach(() => {
  bench = new TestApics(3);
});
const bitmap = (vcpu: number, offset: number) => vectors((at) => bench.read(vcpu, at), offset);

/** Every register of the page that is not 0. */
function page(vcpu: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let offset = 0; offset < 0x1000; offset += 16) {
    const value = bench.read(vcpu, offset);
    if (value !== 0) found[`0x${offset.toString(16)}`] = value;
  }
  return found;
}

/** SDM volume 3, 11.4.7.1; Xen's version register. */
const AFTER_POWER_ON = {
  "0x30": 0x50014,
  "0xe0": 0xffffffff,
  "0xf0": 0xff,
  "0x320": 0x10000,
  "0x330": 0x10000,
  "0x340": 0x10000,
  "0x350": 0x10000,
  "0x360": 0x10000,
  "0x370": 0x10000,
};

describe("power-on", () => {
  test("only the APIC id differs between vCPUs, and is twice the vCPU's number", () => {
    expect(page(0)).toEqual(AFTER_POWER_ON);
    expect(page(1)).toEqual({ ...AFTER_POWER_ON, "0x20": 2 << 24 });
    expect(page(2)).toEqual({ ...AFTER_POWER_ON, "0x20": 4 << 24 });
  });

  test("the APIC is present in xAPIC mode; vCPU 0 is the bootstrap processor", () => {
    expect([0, 1].map((vcpu) => bench.readMsr(vcpu, 0x1b))).toEqual([0xfee00900n, 0xfee00800n]);
    expect(bench.apics.base(1)).toBe(APIC_DEFAULT_BASE);
  });
});

describe("INIT", () => {
  test("resets all but the APIC id and the base", () => {
    bench.enable(1);
    bench.write(1, APIC_REG.ID, 0x77 << 24);
    for (const offset of [0x80, 0xd0, 0xe0, 0x320, 0x350, 0x370, 0x380, 0x3e0])
      bench.write(1, offset, 0x12345673);
    bench.write(1, APIC_REG.ICR_HIGH, 0x7f << 24);
    bench.write(1, APIC_REG.ICR, 0x3);
    bench.apics.post(1, 0x90, "level");
    bench.apics.accept(1, 0x90);
    bench.apics.post(1, 0x91, "edge");
    bench.apics.reset(1);
    expect(page(1)).toEqual({ ...AFTER_POWER_ON, "0x20": 0x77 << 24 });
    expect(bench.apics.deadline(1)).toBe(Number.POSITIVE_INFINITY);
    // The error of vector 3 is forgotten too.
    bench.write(1, APIC_REG.ESR, 0);
    expect(bench.read(1, APIC_REG.ESR)).toBe(0);
  });

  test("keeps x2APIC mode, with its id and logical destination", () => {
    bench.enterX2apic(2);
    bench.apics.reset(2);
    expect(bench.readMsr(2, 0x1b)).toBe(0xfee00c00n);
    expect(bench.readX2(2, APIC_REG.ID)).toBe(4n);
    expect(bench.readX2(2, APIC_REG.LDR)).toBe(0x10n);
    expect(bench.readX2(2, APIC_REG.SVR)).toBe(0xffn);
  });
});

describe("what can be written", () => {
  // Register, and what a write of all ones leaves there while the APIC is enabled.
  test.each([
    ["id", 0x20, 0xff000000],
    ["version", 0x30, 0x50014],
    ["TPR", 0x80, 0xff],
    ["arbitration priority", 0x90, 0],
    ["remote read", 0xc0, 0],
    ["LDR", 0xd0, 0xff000000],
    ["DFR", 0xe0, 0xffffffff],
    ["SVR", 0xf0, 0x3ff],
    ["ISR", 0x100, 0],
    ["TMR", 0x180, 0],
    ["IRR", 0x200, 0],
    ["CMCI", 0x2f0, 0],
    ["ICR, high half", 0x310, 0xff000000],
    ["LVT timer", 0x320, 0x300ff],
    ["LVT thermal", 0x330, 0x107ff],
    ["LVT performance", 0x340, 0x107ff],
    ["LVT LINT0", 0x350, 0x1a7ff],
    ["LVT LINT1", 0x360, 0x1a7ff],
    ["LVT error", 0x370, 0x100ff],
    ["initial count", 0x380, 0xffffffff],
    ["divide", 0x3e0, 0xb],
    ["self IPI", 0x3f0, 0],
  ])("%s", (_, offset, after) => {
    bench.enable(0);
    bench.write(0, offset, 0xffffffff);
    expect(bench.read(0, offset)).toBe(after);
  });

  test("the ICR shows no delivery status: a message is always gone at once", () => {
    bench.write(0, APIC_REG.ICR, 0xffffffff);
    expect(bench.read(0, APIC_REG.ICR)).toBe(0xccfff & ~0x1000);
  });

  test("the model in DFR, with all other bits 1", () => {
    bench.write(0, APIC_REG.DFR, 0);
    expect(bench.read(0, APIC_REG.DFR)).toBe(0x0fffffff);
  });

  test("entries of the LVT stay masked while the APIC is disabled, and are masked when it is", () => {
    bench.write(0, APIC_REG.LVT_ERROR, 0x40);
    expect(bench.read(0, APIC_REG.LVT_ERROR)).toBe(0x10040);
    bench.enable(0);
    bench.write(0, APIC_REG.LVT_ERROR, 0x40);
    expect(bench.read(0, APIC_REG.LVT_ERROR)).toBe(0x40);
    bench.write(0, APIC_REG.SVR, 0xff);
    expect(bench.read(0, APIC_REG.LVT_ERROR)).toBe(0x10040);
  });

  test("enabling the APIC is told to the platform", () => {
    bench.write(2, APIC_REG.SVR, 0xff);
    expect(bench.events).toEqual([]);
    bench.write(2, APIC_REG.SVR, 0x1ff);
    expect(bench.events).toEqual(["enabled 2"]);
  });
});

describe("sizes of accesses", () => {
  beforeEach(() => {
    bench.write(0, APIC_REG.TIMER_INITIAL_COUNT, 0x81223344);
  });

  // Offset in the register, size, what is read.
  test.each([
    [0, 4, 0x81223344],
    [0, 1, 0x44],
    [1, 1, 0x33],
    [3, 1, 0x81],
    [0, 2, 0x3344],
    [1, 2, 0x2233],
    [2, 2, 0x8122],
    [3, 2, 0],
    [2, 4, 0],
    [4, 4, 0],
    [8, 1, 0],
    [0, 8, 0],
    [0, 0, 0],
  ])("reading at %i, %i bytes", (at, size, value) => {
    expect(bench.apics.readMmio(0, APIC_REG.TIMER_INITIAL_COUNT + at, size)).toBe(value);
  });

  test.each([
    [0, 1, 0x812233ff],
    [3, 1, 0xff223344],
    [1, 2, 0x81ffff44],
    [2, 2, 0xffff3344],
    [2, 4, 0x81223344],
    [0, 8, 0x81223344],
    [4, 4, 0x81223344],
  ])("writing at %i, %i bytes", (at, size, after) => {
    bench.apics.writeMmio(0, APIC_REG.TIMER_INITIAL_COUNT + at, size, 0xffffffff);
    expect(bench.read(0, APIC_REG.TIMER_INITIAL_COUNT)).toBe(after);
  });

  test("nothing is outside the registers", () => {
    for (const offset of [-16, -1, 0x3f0, 0x400, 0x1000, 2 ** 31]) {
      bench.write(0, offset, -1);
      expect(bench.read(0, offset)).toBe(0);
    }
  });
});

describe("priorities", () => {
  // Task priority, vector in service, processor priority (SDM volume 3, 11.8.3.1).
  test.each([
    [0, undefined, 0],
    [0x35, undefined, 0x35],
    [0x35, 0x41, 0x40],
    [0x35, 0x31, 0x35],
    [0x35, 0x2f, 0x35],
    [0, 0x4f, 0x40],
    [0xff, 0xfe, 0xff],
  ])("task %i with %s in service", (task, inService, priority) => {
    bench.enable(0);
    if (inService !== undefined) {
      bench.apics.post(0, inService, "edge");
      bench.takeAll(0);
    }
    bench.write(0, APIC_REG.TPR, task);
    expect(bench.read(0, APIC_REG.PPR)).toBe(priority);
  });

  test("CR8 is the high half of the task priority", () => {
    bench.write(0, APIC_REG.TPR, 0x35);
    expect(bench.apics.tpr(0)).toBe(0x35);
    bench.apics.setTpr(0, 3);
    expect(bench.read(0, APIC_REG.TPR)).toBe(0x35);
    bench.apics.setTpr(0, 0xf);
    expect(bench.read(0, APIC_REG.TPR)).toBe(0xf0);
  });

  // Task priority, vector requested, whether it can be taken.
  test.each([
    [0x00, 0x10, true],
    [0x10, 0x1f, false],
    [0x1f, 0x20, true],
    [0x20, 0x2f, false],
    [0xff, 0xff, false],
    [0xe0, 0xff, true],
  ])("with task priority %i the vector %i is taken: %s", (task, vector, taken) => {
    bench.enable(0);
    bench.write(0, APIC_REG.TPR, task);
    bench.apics.post(0, vector, "edge");
    expect(bench.apics.pendingVector(0)).toBe(taken ? vector : -1);
  });
});

describe("an interrupt", () => {
  beforeEach(() => {
    bench.enable(0);
  });

  test("goes from requested to in service to ended", () => {
    expect(bench.apics.post(0, 0x51, "edge")).toBe(true);
    expect([bitmap(0, APIC_REG.IRR), bitmap(0, APIC_REG.ISR)]).toEqual([[0x51], []]);
    expect(bench.apics.accept(0, bench.apics.pendingVector(0))).toBe(0x51);
    expect([bitmap(0, APIC_REG.IRR), bitmap(0, APIC_REG.ISR)]).toEqual([[], [0x51]]);
    expect(bench.apics.pendingVector(0)).toBe(-1);
    bench.write(0, APIC_REG.EOI, 0);
    expect(bitmap(0, APIC_REG.ISR)).toEqual([]);
  });

  test("is taken in the order of the vectors, and interrupts one of a lower class only", () => {
    for (const vector of [0x31, 0x52, 0x58, 0xf0, 0x21]) bench.apics.post(0, vector, "edge");
    expect(bench.takeAll(0)).toEqual([0xf0]);
    bench.write(0, APIC_REG.EOI, 0);
    expect(bench.takeAll(0)).toEqual([0x58]);
    bench.apics.post(0, 0x61, "edge");
    expect(bench.takeAll(0)).toEqual([0x61]);
    expect(bitmap(0, APIC_REG.ISR)).toEqual([0x58, 0x61]);
    // The highest in service ends first.
    bench.write(0, APIC_REG.EOI, 0);
    expect(bitmap(0, APIC_REG.ISR)).toEqual([0x58]);
    bench.write(0, APIC_REG.EOI, 0);
    expect(bench.takeAll(0)).toEqual([0x52]);
  });

  test("is requested once however often it comes, and once more while it is in service", () => {
    bench.apics.post(0, 0x51, "edge");
    bench.apics.post(0, 0x51, "edge");
    expect(bench.events).toEqual(["wake 0"]);
    bench.takeAll(0);
    bench.apics.post(0, 0x51, "edge");
    expect(bench.events).toEqual(["wake 0", "wake 0"]);
    expect(bench.takeAll(0)).toEqual([]);
    bench.write(0, APIC_REG.EOI, 0);
    expect(bench.takeAll(0)).toEqual([0x51]);
    bench.write(0, APIC_REG.EOI, 0);
    expect(bench.takeAll(0)).toEqual([]);
  });

  test("shows its trigger mode", () => {
    bench.apics.post(0, 0x51, "level");
    bench.apics.post(0, 0x52, "edge");
    expect(bitmap(0, APIC_REG.TMR)).toEqual([0x51]);
    bench.apics.injectVector(0, 0x51);
    expect(bitmap(0, APIC_REG.TMR)).toEqual([]);
  });

  test("that has gone gives the spurious vector, which is not in service", () => {
    bench.write(0, APIC_REG.SVR, 0x1cf);
    expect(bench.apics.accept(0, 0x51)).toBe(0xcf);
    expect(bitmap(0, APIC_REG.ISR)).toEqual([]);
  });

  test("an EOI without one in service does nothing", () => {
    bench.apics.post(0, 0x51, "edge");
    bench.write(0, APIC_REG.EOI, 0);
    expect(bench.takeAll(0)).toEqual([0x51]);
  });

  test("is dropped while the APIC is disabled; what is requested before waits", () => {
    bench.apics.post(0, 0x51, "edge");
    bench.write(0, APIC_REG.SVR, 0xff);
    expect(bench.apics.post(0, 0x61, "edge")).toBe(false);
    expect(bench.apics.injectVector(0, 0x61)).toBe(false);
    expect(bench.apics.pendingVector(0)).toBe(-1);
    bench.enable(0);
    expect(bench.takeAll(0)).toEqual([0x51]);
  });
});

describe("errors", () => {
  beforeEach(() => {
    bench.enable(0, 1);
  });

  test("an illegal vector that is sent is the sender's error, one that is received the receiver's", () => {
    bench.write(0, APIC_REG.ICR_HIGH, 2 << 24);
    bench.write(0, APIC_REG.ICR, 0x0f);
    bench.apics.post(1, 0x0f, "edge");
    expect([bench.read(0, APIC_REG.ESR), bench.read(1, APIC_REG.ESR)]).toEqual([0, 0]);
    bench.write(0, APIC_REG.ESR, 0);
    bench.write(1, APIC_REG.ESR, 0);
    expect([bench.read(0, APIC_REG.ESR), bench.read(1, APIC_REG.ESR)]).toEqual([0x20, 0x40]);
    expect([bitmap(0, APIC_REG.IRR), bitmap(1, APIC_REG.IRR)]).toEqual([[], []]);
    bench.write(0, APIC_REG.ESR, 0);
    expect(bench.read(0, APIC_REG.ESR)).toBe(0);
  });

  test("interrupt through the LVT, once until the guest has looked", () => {
    bench.write(1, APIC_REG.LVT_ERROR, 0xfe);
    bench.events = [];
    bench.apics.post(1, 3, "edge");
    expect(bench.events).toEqual(["wake 1"]);
    expect(bench.takeAll(1)).toEqual([0xfe]);
    bench.write(1, APIC_REG.EOI, 0);
    bench.apics.post(1, 3, "edge");
    expect(bench.takeAll(1)).toEqual([]);
    bench.write(1, APIC_REG.ESR, 0);
    bench.apics.post(1, 3, "edge");
    expect(bench.takeAll(1)).toEqual([0xfe]);
  });

  test("an illegal vector in the LVT of errors is one more error", () => {
    bench.write(0, APIC_REG.LVT_ERROR, 0x05);
    bench.write(0, APIC_REG.ICR, 0x05);
    bench.write(0, APIC_REG.ESR, 0);
    expect(bench.read(0, APIC_REG.ESR)).toBe(0x60);
    expect(bitmap(0, APIC_REG.IRR)).toEqual([]);
  });
});
