import { APIC_REG } from "@pvh/abi";
import { describe, expect, test } from "vitest";
import { TestApics, vectors } from "./test-apics.ts";

const ALL = [0, 1, 2, 3];
const VECTOR = 0x51;

/** Who has the vector requested. */
function reached(bench: TestApics): number[] {
  return ALL.filter((vcpu) => {
    const irr = bench.apics.base(vcpu) === Number.POSITIVE_INFINITY;
    const read = (at: number) => (irr ? Number(bench.readX2(vcpu, at)) : bench.read(vcpu, at));
    return vectors(read, APIC_REG.IRR).includes(VECTOR);
  });
}

function send(bench: TestApics, source: number, destination: number, icr: number): void {
  bench.write(source, APIC_REG.ICR_HIGH, destination << 24);
  bench.write(source, APIC_REG.ICR, icr);
}

const LOGICAL = 0x800;

describe("in xAPIC mode vCPU 1 of 4 reaches", () => {
  const flat = [0x01, 0x02, 0x04, 0x80];
  const cluster = [0x01, 0x02, 0x11, 0x12];
  // Kind, destination, bits of the ICR besides the vector, logical ids, DFR, who is reached (SDM volume 3, 11.6.2).
  test.each([
    ["one by its id", 4, 0, flat, -1, [2]],
    ["itself by its id", 2, 0, flat, -1, [1]],
    ["nobody by an id that no APIC has", 1, 0, flat, -1, []],
    ["all by the physical broadcast", 0xff, 0, flat, -1, ALL],
    ["flat logical destinations", 0x84, LOGICAL, flat, -1, [2, 3]],
    ["nobody by a logical id that nobody has", 0x40, LOGICAL, flat, -1, []],
    ["all by the logical broadcast", 0xff, LOGICAL, flat, -1, ALL],
    ["members of a cluster", 0x13, LOGICAL, cluster, 0, [2, 3]],
    ["one member of a cluster", 0x02, LOGICAL, cluster, 0, [1]],
    ["nobody in another cluster", 0x21, LOGICAL, cluster, 0, []],
    ["all by the broadcast of the cluster model", 0xff, LOGICAL, cluster, 0, ALL],
    ["nobody with a reserved model", 0x01, LOGICAL, flat, 0x50000000, []],
    ["itself by shorthand", 4, 0x40000, flat, -1, [1]],
    ["all by shorthand", 4, 0x80000, flat, -1, ALL],
    ["all others by shorthand", 4, 0xc0000, flat, -1, [0, 2, 3]],
  ])("%s", (_, destination, bits, ids, dfr, expected) => {
    const bench = new TestApics(4).enable(...ALL);
    for (const vcpu of ALL) {
      bench.write(vcpu, APIC_REG.DFR, dfr);
      bench.write(vcpu, APIC_REG.LDR, (ids[vcpu] ?? 0) << 24);
    }
    send(bench, 1, destination, VECTOR | bits);
    expect(reached(bench)).toEqual(expected);
    // The sender needs no wake-up.
    expect(bench.events).toEqual(expected.filter((vcpu) => vcpu !== 1).map((vcpu) => `wake ${vcpu}`));
  });

  test("an APIC by the id that was written there", () => {
    const bench = new TestApics(4).enable(...ALL);
    bench.write(3, APIC_REG.ID, 0x55 << 24);
    send(bench, 1, 0x55, VECTOR);
    send(bench, 1, 6, VECTOR);
    expect(reached(bench)).toEqual([3]);
  });
});

describe("in x2APIC mode vCPU 1 of 4 reaches", () => {
  // Destination, bits of the ICR besides the vector (SDM volume 3, 11.12.10).
  test.each([
    ["one by its id", 4n, 0, [2]],
    ["nobody by an id above 255", 0x104n, 0, []],
    ["nobody by the broadcast of xAPIC mode", 0xffn, 0, []],
    ["all by the broadcast", 0xffffffffn, 0, ALL],
    ["members of cluster 0", 0x41n, LOGICAL, [0, 3]],
    ["nobody in cluster 1", 0x10041n, LOGICAL, []],
    ["all by the logical broadcast", 0xffffffffn, LOGICAL, ALL],
    ["all others by shorthand", 0n, 0xc0000, [0, 2, 3]],
  ])("%s", (_, destination, bits, expected) => {
    const bench = new TestApics(4).enterX2apic(...ALL);
    expect(bench.writeX2(1, APIC_REG.ICR, (destination << 32n) | BigInt(VECTOR | bits))).toBe(true);
    expect(reached(bench)).toEqual(expected);
    expect(bench.readX2(1, APIC_REG.ICR)).toBe((destination << 32n) | BigInt(VECTOR | bits));
  });

  test("clusters have 16 ids, of which every other one is used", () => {
    const bench = new TestApics(32).enterX2apic(0, 7, 8, 31);
    const ldr = (vcpu: number) => bench.readX2(vcpu, APIC_REG.LDR);
    expect([0, 7, 8, 31].map(ldr)).toEqual([0x1n, 0x4000n, 0x10001n, 0x34000n]);
  });

  test("itself by the register for it", () => {
    const bench = new TestApics(4).enterX2apic(...ALL);
    expect(bench.writeX2(1, APIC_REG.SELF_IPI, BigInt(VECTOR))).toBe(true);
    expect(reached(bench)).toEqual([1]);
    bench.writeX2(1, APIC_REG.SELF_IPI, 7n);
    bench.writeX2(1, APIC_REG.ESR, 0n);
    expect(bench.readX2(1, APIC_REG.ESR)).toBe(0x20n);
  });

  test("in xAPIC mode only by destinations of its width", () => {
    const bench = new TestApics(4).enterX2apic(1).enable(2);
    bench.write(2, APIC_REG.LDR, 0x01000000);
    bench.writeX2(1, APIC_REG.ICR, (0x101n << 32n) | BigInt(LOGICAL | VECTOR));
    bench.writeX2(1, APIC_REG.ICR, (0x104n << 32n) | BigInt(VECTOR));
    expect(reached(bench)).toEqual([]);
    bench.writeX2(1, APIC_REG.ICR, (1n << 32n) | BigInt(LOGICAL | VECTOR));
    expect(reached(bench)).toEqual([2]);
  });

  test("an AP that is still in xAPIC mode, by its id", () => {
    const bench = new TestApics(4).enterX2apic(1);
    bench.writeX2(1, APIC_REG.ICR, (4n << 32n) | 0x4500n);
    expect(bench.events).toEqual(["init 2"]);
  });
});

describe("the receiver", () => {
  test("rejects interrupts while it is disabled, by software or altogether", () => {
    const bench = new TestApics(4).enable(0, 1, 3);
    bench.writeMsr(3, 0x1b, 0xfee00000n);
    send(bench, 0, 0, VECTOR | 0x80000);
    expect(vectors((at) => bench.read(0, at), APIC_REG.IRR)).toEqual([VECTOR]);
    expect(bench.events).toEqual(["wake 1"]);
  });

  test("takes INIT, startup and NMI while software has it disabled", () => {
    const bench = new TestApics(4);
    send(bench, 0, 2, 0x4500);
    send(bench, 0, 2, 0x4600 | 0x9f);
    send(bench, 0, 2, 0x4400);
    expect(bench.events).toEqual(["init 1", "startup 1 159", "nmi 1"]);
  });

  test("takes nothing when it has no APIC", () => {
    const bench = new TestApics(2);
    bench.writeMsr(1, 0x1b, 0xfee00000n);
    for (const mode of [0x500, 0x600, 0x400]) send(bench, 0, 2, 0x4000 | mode);
    expect(bench.events).toEqual([]);
  });
});

describe("the sender", () => {
  test("may be disabled by software", () => {
    const bench = new TestApics(2).enable(1);
    send(bench, 0, 2, VECTOR);
    expect(bench.events).toEqual(["wake 1"]);
  });

  test("INIT to all others starts no round with itself", () => {
    const bench = new TestApics(3);
    send(bench, 0, 0, 0xc4500);
    expect(bench.events).toEqual(["init 1", "init 2"]);
  });

  test("the level de-assert of INIT is ignored", () => {
    const bench = new TestApics(2);
    send(bench, 0, 2, 0x8500);
    expect(bench.events).toEqual([]);
    send(bench, 0, 2, 0xc500);
    expect(bench.events).toEqual(["init 1"]);
  });

  test.each([0x200, 0x300, 0x700])("delivery mode %i reaches nobody", (mode) => {
    const bench = new TestApics(4).enable(...ALL);
    send(bench, 0, 0xff, 0x4000 | mode | VECTOR);
    expect([bench.events, reached(bench)]).toEqual([[], []]);
  });
});

describe("lowest priority", () => {
  const LOWEST = 0x100;

  test("goes to the processor with the lowest", () => {
    const bench = new TestApics(4).enable(...ALL);
    [0x30, 0x20, 0x10, 0x40].forEach((priority, vcpu) => {
      bench.write(vcpu, APIC_REG.TPR, priority);
    });
    send(bench, 0, 0xff, LOWEST | VECTOR);
    expect(reached(bench)).toEqual([2]);
  });

  test("goes round among equals", () => {
    const bench = new TestApics(4).enable(0, 1, 3);
    const winners = [1, 2, 3, 4].map(() => {
      send(bench, 0, 0xff, LOWEST | VECTOR);
      const [winner = -1] = reached(bench);
      bench.takeAll(winner);
      bench.write(winner, APIC_REG.EOI, 0);
      return winner;
    });
    expect(winners).toEqual([1, 3, 0, 1]);
  });

  test("goes nowhere without a receiver, and not with an illegal vector", () => {
    const bench = new TestApics(4).enable(0);
    send(bench, 0, 4, LOWEST | VECTOR);
    send(bench, 0, 0xff, LOWEST | 0x0f);
    expect(reached(bench)).toEqual([]);
    bench.write(0, APIC_REG.ESR, 0);
    expect(bench.read(0, APIC_REG.ESR)).toBe(0x20);
  });
});
