import { beforeEach, describe, expect, test } from "vitest";
import { GuestVirtual } from "./guest-virtual.ts";
import { type FakeVcpu, fakeVcpu, paging } from "./run-page.testing.ts";

const P = 1n;
const RW = 2n;
const US = 4n;
const A = 0x20n;
const D = 0x40n;
const PS = 0x80n;
const NX = 1n << 63n;
const MIB = 2 ** 20;
const HIGH = 2 ** 32;

let vcpu: FakeVcpu;
let virtual: GuestVirtual;

beforeEach(() => {
  vcpu = fakeVcpu([
    { gpa: 0, size: MIB },
    { gpa: HIGH, size: MIB },
  ]);
  virtual = new GuestVirtual(vcpu.memory, vcpu.run);
});

const entry8 = (at: number, value: bigint) => {
  const { buffer, byteOffset } = vcpu.memory.bytes(at, 8);
  new DataView(buffer, byteOffset).setBigUint64(0, value, true);
};
const entry4 = (at: number, value: number) => {
  const { buffer, byteOffset } = vcpu.memory.bytes(at, 4);
  new DataView(buffer, byteOffset).setUint32(0, value, true);
};
const read8 = (at: number) => {
  const { buffer, byteOffset } = vcpu.memory.bytes(at, 8);
  return new DataView(buffer, byteOffset).getBigUint64(0, true);
};
const translate = (va: bigint, write = false) => {
  const gpa = virtual.translate(Number(BigInt.asIntN(32, va >> 32n)), Number(BigInt.asIntN(32, va)), write);
  return gpa < 0 ? undefined : gpa;
};

test("without paging addresses are physical", () => {
  vcpu.sregs(paging.off);
  expect(translate(0xffff_f000n)).toBe(0xffff_f000);
});

describe("four levels", () => {
  const VA = 0xffffffff_8012_3456n;
  beforeEach(() => {
    vcpu.sregs({ ...paging.long, cr3: 0x1018n });
    entry8(0x1000 + 511 * 8, 0x2000n | P | RW | NX);
    entry8(0x2000 + 510 * 8, 0x3000n | P | RW);
    entry8(0x3000, 0x4000n | P | RW);
    entry8(0x4000 + 0x123 * 8, BigInt(HIGH) | 0x5000n | P | RW | NX);
  });

  test("are walked to a page above 4 GiB", () => {
    expect(translate(VA)).toBe(HIGH + 0x5456);
    expect(translate(VA + 0x1000n)).toBeUndefined();
  });

  test("get accessed bits, and the last entry a dirty bit for a write only", () => {
    translate(VA);
    expect([read8(0x1ff8) & A, read8(0x3000) & A, read8(0x4918) & (A | D)]).toEqual([A, A, A]);
    translate(VA, true);
    expect([read8(0x3000) & D, read8(0x4918) & D]).toEqual([0n, D]);
  });

  test("are not walked for an address that is not canonical", () => {
    expect(translate(VA & 0x0000_ffff_ffff_ffffn)).toBeUndefined();
    expect(translate(0x7fff_8012_3456n)).toBeUndefined();
  });

  test("a page that is read-only anywhere refuses writes, unless the guest has write protection off", () => {
    entry8(0x2000 + 510 * 8, 0x3000n | P);
    expect([translate(VA), translate(VA, true)]).toEqual([HIGH + 0x5456, undefined]);
    vcpu.sregs({ cr0: paging.long.cr0 & ~(1n << 16n) });
    expect(translate(VA, true)).toBe(HIGH + 0x5456);
  });

  test("SMAP keeps out of user pages, unless AC is set", () => {
    for (const at of [0x1ff8, 0x2ff0, 0x3000, 0x4918]) entry8(at, read8(at) | US);
    expect(translate(VA)).toBeDefined();
    vcpu.sregs({ cr4: paging.long.cr4 | (1n << 21n) });
    expect(translate(VA)).toBeUndefined();
    vcpu.regs({ rflags: 1n << 18n });
    expect(translate(VA)).toBeDefined();
    vcpu.regs({ rflags: 0n });
    entry8(0x3000, read8(0x3000) & ~US);
    expect(translate(VA)).toBeDefined();
  });

  test("large pages of 2 MiB and 1 GiB", () => {
    entry8(0x3000, 0x4000_0000n | P | RW | PS);
    expect(translate(VA)).toBe(0x4012_3456);
    entry8(0x2ff0, 0x8000_0000n | P | RW | PS);
    expect(translate(VA)).toBe(0x8012_3456);
  });

  test("tables outside RAM are not followed", () => {
    entry8(0x3000, 0x7000_0000n | P | RW);
    expect(translate(VA)).toBeUndefined();
    vcpu.sregs({ cr3: 0xf_ffff_ffff_f000n });
    expect(translate(VA)).toBeUndefined();
  });
});

test("five levels", () => {
  vcpu.sregs({ ...paging.fiveLevel, cr3: 0x1000n });
  entry8(0x1000 + 0x1ab * 8, 0x2000n | P);
  entry8(0x2000 + 511 * 8, 0x3000n | P);
  entry8(0x3000 + 510 * 8, 0x4000n | P);
  entry8(0x4000, 0x6000n | P);
  entry8(0x6000 + 8 * 0x123, 0x7000n | P);
  expect(translate(0xffab_ffff_8012_3456n)).toBe(0x7456);
  expect(translate(0xfeab_ffff_8012_3456n)).toBeUndefined();
});

test("PAE", () => {
  vcpu.sregs({ ...paging.pae, cr3: 0x1020n });
  entry8(0x1020 + 3 * 8, 0x2000n | P);
  entry8(0x2000 + 8, 0x3000n | P | RW);
  entry8(0x3000, BigInt(HIGH) | 0x8000n | P | RW);
  entry8(0x2000 + 16, 0x40_0000n | P | RW | PS);
  expect(translate(0xc020_0012n, true)).toBe(HIGH + 0x8012);
  expect(translate(0xc041_2345n)).toBe(0x41_2345);
  expect(translate(0x8020_0012n)).toBeUndefined();
  expect(read8(0x1038)).toBe(0x2000n | P);
});

test("two levels, with large pages and PSE-36", () => {
  vcpu.sregs({ ...paging.twoLevel, cr3: 0x1000n });
  entry4(0x1000 + 0x300 * 4, 0x2003);
  entry4(0x2000 + 5 * 4, 0x9003);
  // Bit 13 of a large entry is bit 32 of the address.
  entry4(0x1000 + 0x301 * 4, 0x0040_0083 | (1 << 13));
  expect(translate(0xc000_5678n, true)).toBe(0x9678);
  expect(translate(0xc041_2345n)).toBe(HIGH + 0x41_2345);
  vcpu.sregs({ cr4: 0n });
  expect(translate(0xc041_2345n)).toBeUndefined();
});

describe("copies", () => {
  beforeEach(() => {
    vcpu.sregs({ ...paging.twoLevel, cr3: 0x1000n });
    entry4(0x1000, 0x2003);
    entry4(0x2000 + 4 * 4, 0xa003);
    entry4(0x2000 + 5 * 4, 0xc003);
  });

  test.each([10, 200])("%d bytes across pages that do not touch", (length) => {
    const source = Uint8Array.from({ length }, (_, i) => i + 1);
    const at = 0x5000 - 5;
    expect(virtual.copyOut(0, at, source, length)).toBe(true);
    expect([...vcpu.memory.bytes(0xaffb, 5)]).toEqual([1, 2, 3, 4, 5]);
    expect(vcpu.memory.bytes(0xc000, length - 5)).toEqual(source.subarray(5));
    const target = new Uint8Array(length);
    expect(virtual.copyIn(0, at, target, length)).toBe(true);
    expect(target).toEqual(source);
  });

  test("fail at the first page that is not there, and beyond the end of a 32-bit space", () => {
    const bytes = new Uint8Array(0x3000);
    expect(virtual.copyIn(0, 0x4000, bytes, 0x2000)).toBe(true);
    expect(virtual.copyIn(0, 0x4000, bytes, 0x2001)).toBe(false);
    vcpu.sregs(paging.off);
    expect(virtual.copyIn(0, -4, bytes, 8)).toBe(false);
    expect(virtual.copyIn(0, MIB - 4, bytes, 8)).toBe(false);
    expect(virtual.copyIn(0, MIB - 8, bytes, 8)).toBe(true);
  });
});
