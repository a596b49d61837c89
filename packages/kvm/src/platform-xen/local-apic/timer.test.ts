import { APIC_REG } from "@pvh/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { TestApics } from "./test-apics.ts";

const VECTOR = 0x40;
const PERIODIC = 0x20000;
const MASKED = 0x10000;
const NEVER = Number.POSITIVE_INFINITY;
const BEGIN = 5_000_000;

let bench: TestApics;
beforeEach(() => {
  bench = new TestApics(1).enable(0);
  bench.time = BEGIN;
  bench.write(0, APIC_REG.TIMER_DIVIDE, 0xb);
});

const count = () => bench.read(0, APIC_REG.TIMER_CURRENT_COUNT);
const deadline = () => bench.apics.deadline(0) - BEGIN;

function start(lvt: number, initial: number): void {
  bench.write(0, APIC_REG.LVT_TIMER, lvt);
  bench.write(0, APIC_REG.TIMER_INITIAL_COUNT, initial);
}

/** Lets time pass up to `at` ns after the begin. Returns the vectors that the guest takes and ends. */
function run(at: number): number[] {
  bench.time = BEGIN + at;
  bench.apics.expire(0, bench.time);
  const taken = bench.takeAll(0);
  for (const _ of taken) bench.write(0, APIC_REG.EOI, 0);
  return taken;
}

describe("one shot", () => {
  test("counts the bus clock of 100 MHz down, interrupts once and stops", () => {
    start(VECTOR, 100_000);
    expect([count(), deadline()]).toEqual([100_000, 1_000_000]);
    expect(run(250_009)).toEqual([]);
    expect(count()).toBe(75_000);
    expect(run(999_999)).toEqual([]);
    expect(count()).toBe(1);
    expect(run(1_000_000)).toEqual([VECTOR]);
    expect([count(), deadline()]).toEqual([0, NEVER]);
    expect(run(9_000_000)).toEqual([]);
    expect(bench.read(0, APIC_REG.TIMER_INITIAL_COUNT)).toBe(100_000);
  });

  test.each([
    [0x0, 2],
    [0x1, 4],
    [0x2, 8],
    [0x3, 16],
    [0x8, 32],
    [0x9, 64],
    [0xa, 128],
    [0xb, 1],
    // Bit 2 does not count.
    [0x4, 2],
    [0xf, 1],
  ])("divide configuration %i divides by %i", (divide, by) => {
    bench.write(0, APIC_REG.TIMER_DIVIDE, divide);
    start(VECTOR, 1000);
    expect(deadline()).toBe(1000 * 10 * by);
    bench.time += 300 * 10 * by;
    expect(count()).toBe(700);
  });

  test("the longest count has 32 bits", () => {
    bench.write(0, APIC_REG.TIMER_DIVIDE, 0xa);
    start(VECTOR, 0xffffffff);
    expect(deadline()).toBe(0xffffffff * 1280);
    expect(count()).toBe(0xffffffff);
  });

  test("a count of 0 stops it, another one starts it anew", () => {
    start(VECTOR, 1000);
    bench.write(0, APIC_REG.TIMER_INITIAL_COUNT, 0);
    expect([count(), deadline()]).toEqual([0, NEVER]);
    expect(run(20_000)).toEqual([]);
    bench.write(0, APIC_REG.TIMER_INITIAL_COUNT, 500);
    expect(deadline()).toBe(25_000);
  });

  test("counts while it is masked, and what it misses is lost", () => {
    start(VECTOR | MASKED, 1000);
    expect([deadline(), count()]).toEqual([NEVER, 1000]);
    bench.time += 5000;
    expect(count()).toBe(500);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR);
    expect(deadline()).toBe(10_000);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR | MASKED);
    expect(run(10_000)).toEqual([]);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR);
    expect([run(11_000), deadline()]).toEqual([[], NEVER]);
  });

  test("what was due when the guest masked it comes", () => {
    start(VECTOR, 1000);
    bench.time = BEGIN + 10_000;
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR | MASKED);
    expect(bench.takeAll(0)).toEqual([VECTOR]);
  });

  test("is masked when software disables the APIC", () => {
    start(VECTOR, 1000);
    bench.write(0, APIC_REG.SVR, 0xff);
    expect([deadline(), run(10_000)]).toEqual([NEVER, []]);
  });

  test("an illegal vector is an error", () => {
    start(7, 1000);
    expect(run(10_000)).toEqual([]);
    bench.write(0, APIC_REG.ESR, 0);
    expect(bench.read(0, APIC_REG.ESR)).toBe(0x40);
  });
});

describe("periodic", () => {
  test("interrupts each time, and shows the count of the running period", () => {
    start(VECTOR | PERIODIC, 100_000);
    expect(run(1_000_000)).toEqual([VECTOR]);
    expect([deadline(), count()]).toEqual([2_000_000, 100_000]);
    bench.time += 1_200_000;
    expect(count()).toBe(80_000);
    bench.time -= 1_200_000;
    expect(run(1_300_000)).toEqual([]);
    expect(count()).toBe(70_000);
    expect(run(2_000_000)).toEqual([VECTOR]);
    expect(deadline()).toBe(3_000_000);
  });

  test("periods that were missed make one interrupt, and the phase stays", () => {
    start(VECTOR | PERIODIC, 100_000);
    expect(run(7_300_000)).toEqual([VECTOR]);
    expect(deadline()).toBe(8_000_000);
  });

  test("has at least 100 us between two interrupts", () => {
    start(VECTOR | PERIODIC, 3);
    expect(run(30)).toEqual([VECTOR]);
    expect(deadline()).toBe(30 + 100_020);
    bench.time += 10;
    expect(count()).toBe(2);
    expect(run(30 + 100_020)).toEqual([VECTOR]);
    expect(deadline()).toBe(30 + 200_040);
  });

  test("stays periodic while it is masked", () => {
    start(VECTOR | PERIODIC | MASKED, 100_000);
    expect(deadline()).toBe(NEVER);
    expect(run(2_500_000)).toEqual([]);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR | PERIODIC);
    expect([deadline(), run(3_000_000)]).toEqual([3_000_000, [VECTOR]]);
  });
});

describe("changes while it runs", () => {
  test("of the mode: the count goes on", () => {
    start(VECTOR, 100_000);
    bench.time += 400_000;
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR | PERIODIC);
    expect([count(), deadline()]).toEqual([60_000, 1_000_000]);
    expect(run(1_500_000)).toEqual([VECTOR]);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR);
    expect([count(), deadline()]).toEqual([50_000, 2_000_000]);
    expect(run(2_000_000)).toEqual([VECTOR]);
    bench.write(0, APIC_REG.LVT_TIMER, VECTOR | PERIODIC);
    expect([count(), deadline()]).toEqual([0, NEVER]);
  });

  test("of the divisor: the rest of the count goes on with the new one", () => {
    start(VECTOR, 100_000);
    bench.time += 400_000;
    bench.write(0, APIC_REG.TIMER_DIVIDE, 0);
    expect([count(), deadline()]).toEqual([60_000, 400_000 + 1_200_000]);
  });

  test("of the vector: the next interrupt has the new one", () => {
    start(VECTOR, 1000);
    bench.write(0, APIC_REG.LVT_TIMER, 0x41);
    expect(run(10_000)).toEqual([0x41]);
  });

  test("TSC deadline mode is not there", () => {
    bench.write(0, APIC_REG.LVT_TIMER, 0x40000 | VECTOR);
    expect(bench.read(0, APIC_REG.LVT_TIMER)).toBe(VECTOR);
  });
});

test("a clock that steps back is no reason for a wrong count", () => {
  start(VECTOR, 1000);
  bench.time -= 100_000;
  expect(count()).toBe(1000);
});
