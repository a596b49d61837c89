import { APIC_REG } from "@pvh/abi";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestApics } from "./test-apics.ts";

const VCPUS = 4;
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 });
const vcpu = fc.nat(VCPUS - 1);
const register = fc.oneof(
  fc.constantFrom(...Object.values(APIC_REG)),
  fc.integer({ min: -64, max: 0x1010 }),
  word,
);
const size = fc.constantFrom(1, 2, 4, 8);
const msr = fc.oneof(fc.constant(0x1b), fc.integer({ min: 0x7f0, max: 0x910 }), fc.nat(2 ** 32 - 1));
const base = fc.constantFrom(0xfee00000, 0xfee00400, 0xfee00800, 0xfee00900, 0xfee00c00, 0x1000);
/** Values that do something: enabling, short counts, IPIs of every mode and shorthand. */
const value = fc.oneof(
  word,
  fc.constantFrom(0x1ff, 0x20040, 1, 1000),
  fc
    .tuple(fc.nat(255), fc.nat(7), fc.nat(1), fc.nat(3), fc.nat(3))
    .map(([vector, mode, logical, level, short]) => {
      return vector | (mode << 8) | (logical << 11) | (level << 14) | (short << 18);
    }),
);

const step = fc.oneof(
  fc.record({ kind: fc.constant("read" as const), vcpu, at: register, size, value }),
  fc.record({ kind: fc.constant("write" as const), vcpu, at: register, size, value }),
  fc.record({ kind: fc.constant("read-msr" as const), vcpu, at: msr, size, value }),
  fc.record({ kind: fc.constant("write-msr" as const), vcpu, at: msr, size, value: fc.oneof(base, value) }),
  fc.record({ kind: fc.constant("post" as const), vcpu, at: fc.nat(255), size, value }),
  fc.record({ kind: fc.constant("take" as const), vcpu, at: fc.constant(0), size, value }),
  fc.record({ kind: fc.constant("time" as const), vcpu, at: fc.nat(10_000_000), size, value }),
  fc.record({ kind: fc.constant("init" as const), vcpu, at: fc.constant(0), size, value }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(bench: TestApics, { kind, vcpu: n, at, size: bytes, value: v }: Step): void {
  const { apics } = bench;
  switch (kind) {
    case "read": {
      const read = apics.readMmio(n, at, bytes);
      expect(read >= 0 && read < 2 ** Math.min(32, bytes * 8)).toBe(true);
      break;
    }
    case "write":
      apics.writeMmio(n, at, bytes, v);
      break;
    case "read-msr":
      if (apics.readMsr(n, at))
        expect([apics.low, apics.high].every((x) => x >= 0 && x < 2 ** 32)).toBe(true);
      break;
    case "write-msr":
      apics.writeMsr(n, at, bytes === 8 ? v : 0, v);
      break;
    case "post":
      apics.post(n, at, bytes === 1 ? "level" : "edge");
      break;
    case "take": {
      const vector = apics.pendingVector(n);
      if (vector < 0) break;
      expect(vector >> 4).toBeGreaterThan(apics.tpr(n) >> 4);
      expect(apics.accept(n, vector)).toBe(vector);
      // Nothing of its class or below is taken until it has ended.
      expect(apics.pendingVector(n) >> 4).not.toBe(vector >> 4);
      break;
    }
    case "time":
      bench.time += at;
      apics.expire(n, bench.time);
      expect(apics.deadline(n)).toBeGreaterThan(bench.time);
      break;
    case "init":
      apics.reset(n);
      break;
  }
}

test("whatever guests write, nothing throws and no state is impossible", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
      const bench = new TestApics(VCPUS).enable(0, 1);
      for (const one of steps) {
        run(bench, one);
        // No illegal vector is ever requested, and only the vCPUs that exist hear of anything.
        for (let n = 0; n < VCPUS; n++) {
          expect(bench.apics.pendingVector(n) === -1 || bench.apics.pendingVector(n) >= 16).toBe(true);
        }
        for (const event of bench.events) expect(Number(event.split(" ")[1])).toBeLessThan(VCPUS);
        bench.events = [];
      }
    }),
    { numRuns: 300 },
  );
});

test("the registers of one vCPU are none of another's", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(register, size, value), { maxLength: 100 }), (writes) => {
      const bench = new TestApics(3);
      const before = [...new Int32Array(bench.buffer)];
      for (const [at, bytes, v] of writes) {
        if (at >> 4 === APIC_REG.ICR >> 4) continue;
        bench.apics.writeMmio(1, at, bytes, v);
      }
      const after = [...new Int32Array(bench.buffer)];
      const perApic = (after.length - 16) / 3;
      const own = (i: number) => i >= 16 + perApic && i < 16 + 2 * perApic;
      expect(after.filter((_, i) => !own(i))).toEqual(before.filter((_, i) => !own(i)));
    }),
  );
});
