import { expect, test } from "vitest";
import { cpuidEntry, editCpuid, encodeCpuid, forVcpu, withoutHypervisorLeaves } from "./cpuid.ts";
import { tscToNanoseconds, xenCpuid } from "./platform-xen/cpuid.ts";

const ONES = { eax: 0xffffffff, ebx: 0xffffffff, ecx: 0xffffffff, edx: 0xffffffff };
const host = [
  cpuidEntry(0, { eax: 0x1f }),
  cpuidEntry(1, ONES),
  cpuidEntry(7, ONES, 0),
  cpuidEntry(0xb, ONES, 0),
  cpuidEntry(0x40000000, ONES),
  cpuidEntry(0x40000001, ONES),
  cpuidEntry(0x80000001, ONES),
];

const xen = (bootInterface: "classic" | "direct") =>
  xenCpuid({
    supported: host,
    bootInterface,
    domid: 7,
    vcpu: 0,
    vcpus: 1,
    tscKhz: 2_600_000,
  });
const leaf = (entries: typeof host, number: number, index = 0) =>
  entries.find((entry) => entry.function === number && entry.index === index);

test("KVM's leaves are replaced by Xen's", () => {
  expect(withoutHypervisorLeaves(host).map((entry) => entry.function)).toEqual([0, 1, 7, 0xb, 0x80000001]);
  const entries = xen("direct");
  const signature = leaf(entries, 0x40000000);
  const name = Uint32Array.of(signature?.ebx ?? 0, signature?.ecx ?? 0, signature?.edx ?? 0);
  expect(new TextDecoder().decode(name)).toBe("XenVMMXenVMM");
  expect(leaf(entries, 0x40000001)).toMatchObject({ eax: 0x40011 });
  expect(leaf(xen("classic"), 0x40000001)).toMatchObject({ eax: 0x40006 });
  expect(leaf(entries, 0x40000002)).toMatchObject({ eax: 1, ebx: 0x40000000 });
  expect(entries.filter((entry) => entry.function === 0x40000001)).toHaveLength(1);
});

test("a classic guest sees what Xen's PVHv1 showed", () => {
  const entries = xen("classic");
  expect(leaf(entries, 1)?.edx).toBe(expectedEdx());
  expect(leaf(entries, 7)).toMatchObject({ ebx: 0x000c0b39, ecx: 0, edx: 0 });
  expect(leaf(entries, 0xb)).toBeUndefined();
});

/** All but VME 1, MCE 7, MTRR 12, MCA 14, PSE36 17, DS 21, ACC 29, PBE 31; and HTT 28, with one processor. */
function expectedEdx(): number {
  const cleared = [1, 7, 12, 14, 17, 21, 28, 29, 31];
  return cleared.reduce((value, bit) => (value & ~(1 << bit)) >>> 0, 0xffffffff);
}

test("a direct guest has a local APIC without TSC deadline, no nesting and no five-level paging", () => {
  const entries = xen("direct");
  expect((leaf(entries, 1)?.edx ?? 0) & (1 << 9)).toBe(1 << 9);
  expect((leaf(entries, 1)?.ecx ?? 0) & ((1 << 5) | (1 << 21) | (1 << 24))).toBe(1 << 21);
  expect((leaf(entries, 7)?.ecx ?? 0) & (1 << 16)).toBe(0);
  expect((leaf(entries, 0x80000001)?.ecx ?? 0) & (1 << 2)).toBe(0);
});

test("each processor reads its own APIC id, and runs under a hypervisor", () => {
  const [, first] = forVcpu(host, 3, 4);
  expect(first).toMatchObject({ ebx: 0x0304ffff, ecx: 0xffffffff });
  expect(leaf(forVcpu(host, 3, 4), 0xb)?.edx).toBe(3);
  expect(forVcpu([cpuidEntry(1, {})], 0, 1)[0]?.ecx).toBe(0x80000000);
});

test("edits and encoding", () => {
  const edited = editCpuid(host, [{ leaf: 7, register: "ebx", keep: 0x0f, set: 0x80000000 }]);
  expect(leaf(edited, 7)?.ebx).toBe(0x8000000f);
  const encoded = encodeCpuid([cpuidEntry(4, { edx: 5 }, 2)]);
  expect([...new Uint32Array(encoded.buffer)]).toEqual([1, 0, 4, 2, 1, 0, 0, 0, 5, 0, 0, 0]);
});

test.each([1_000, 999_999, 1_000_000, 2_600_000, 5_000_000])("nanoseconds of a TSC of %d kHz", (khz) => {
  const { multiplier, shift } = tscToNanoseconds(khz);
  const nanoseconds = (khz * 1000 * 2 ** shift * multiplier) / 2 ** 32;
  expect(Math.abs(nanoseconds - 1e9)).toBeLessThan(10);
});
