import type { PvhError } from "@pvh/errors";
import { expect, test } from "vitest";
import { buildElf, type TestElf, type TestSegment } from "./elf.testing.ts";
import { inspectKernel } from "./inspect.ts";
import { inspectElf, linuxClassic } from "./kernels.testing.ts";

const bytes = new Uint8Array(0x1000);

function failure(spec: TestElf): PvhError {
  try {
    inspectElf(spec);
  } catch (error) {
    return error as PvhError;
  }
  return expect.fail("no error");
}

test.each<[Record<string, number | bigint>, string, string, RegExp]>([
  [{ e_type: 1 }, "KERNEL_ELF", "e_type", /relocatable object \(ET_REL\), such as a kernel module/],
  [{ e_type: 4 }, "KERNEL_ELF", "e_type", /core dump/],
  [{ e_type: 77 }, "KERNEL_ELF", "e_type", /type 0x4d/],
  [{ e_machine: 183 }, "KERNEL_ELF", "e_machine", /built for AArch64 \(e_machine 183\)/],
  [{ e_machine: 999 }, "KERNEL_ELF", "e_machine", /an unknown machine/],
  [{ e_phentsize: 57 }, "KERNEL_ELF", "e_phentsize", /is 57; entries of this class have 56 bytes/],
  [{ e_phentsize: 0 }, "KERNEL_ELF", "e_phentsize", /is 0/],
  [{ e_shoff: 64, e_shnum: 1, e_shentsize: 40 }, "KERNEL_ELF", "e_shentsize", /have 64 bytes/],
  [{ e_phnum: 0xffff }, "KERNEL_ELF", "e_phnum", /PN_XNUM/],
  [{ e_phnum: 0xfffe }, "KERNEL_TRUNCATED", "e_phoff", /program header table \(e_phoff\) takes 0x37ff90/],
  [{ e_phoff: 1n << 63n }, "KERNEL_TRUNCATED", "e_phoff", /offset 0x8000000000000000, but the file ends/],
  [{ e_phoff: 0xffffffffffffffffn }, "KERNEL_TRUNCATED", "e_phoff", /offset 0xffffffffffffffff/],
  [{ e_shoff: 1n << 40n, e_shnum: 3 }, "KERNEL_TRUNCATED", "e_shoff", /section header table/],
  [{ e_phnum: 0 }, "KERNEL_ELF", "e_phnum", /None of the 0 program headers is a loadable segment/],
])("header %#: %s is %s in %s", (header, code, field, message) => {
  const error = failure({ segments: [{ paddr: 0x100000, bytes }], header });
  expect(error).toMatchObject({ code, message: expect.stringMatching(message), details: { field } });
});

test.each<[string, TestSegment[], string, string, RegExp]>([
  [
    "more file than memory",
    [{ paddr: 0, bytes, memsz: 0xfff }],
    "KERNEL_ELF",
    "phdr[0].p_filesz",
    /more than its p_memsz 0xfff/,
  ],
  ["wraps around", [{ paddr: -0x800n, bytes }], "KERNEL_ELF", "phdr[0].p_paddr", /wraps around/],
  [
    "huge",
    [{ paddr: 0, memsz: (1n << 40n) + 1n }],
    "KERNEL_ELF",
    "phdr[0].p_memsz",
    /at most 0x10000000000 \(1 TiB\)/,
  ],
  [
    "beyond the file",
    [{ paddr: 0, bytes, header: { p_offset: 0x10000 } }],
    "KERNEL_TRUNCATED",
    "phdr[0].p_filesz",
    /data of segment 0/,
  ],
  [
    "offset overflows",
    [{ paddr: 0, bytes, header: { p_offset: -1n } }],
    "KERNEL_TRUNCATED",
    "phdr[0].p_filesz",
    /offset 0xf{16}/,
  ],
  [
    "overlap",
    [
      { paddr: 0x2000, bytes },
      { paddr: 0x1001, bytes },
    ],
    "KERNEL_ELF",
    "phdr[0].p_paddr",
    /Segment 0 at p_paddr 0x2000 overlaps segment 1, which ends at 0x2001/,
  ],
  [
    "same place",
    [
      { paddr: 0x2000, bytes },
      { paddr: 0x2000, memsz: 1 },
    ],
    "KERNEL_ELF",
    "phdr[1].p_paddr",
    /overlaps segment 0/,
  ],
  [
    "no access",
    [{ paddr: 0, bytes, header: { p_flags: 0 } }],
    "KERNEL_ELF",
    "e_phnum",
    /any of the flags R, W, X/,
  ],
  ["no memory", [{ paddr: 0 }], "KERNEL_ELF", "e_phnum", /PT_LOAD with memory/],
])("segments: %s", (_, segments, code, field, message) => {
  const error = failure({ segments: segments.map((s) => ({ ...s, ...fixSign(s) })) });
  expect(error).toMatchObject({ code, message: expect.stringMatching(message), details: { field } });
});

function fixSign({ paddr, header }: TestSegment): Partial<TestSegment> {
  const unsigned = (value: number | bigint) => BigInt.asUintN(64, BigInt(value));
  const fields = Object.entries(header ?? {}).map(([key, value]) => [key, unsigned(value)] as const);
  return {
    paddr: unsigned(paddr),
    header: Object.fromEntries(fields.map(([k, v]) => [k, k === "p_flags" ? Number(v) : v])),
  };
}

test("segments come ascending, with their index in the file; bytes of bss-only segments may be anywhere", () => {
  const kernel = inspectElf({
    segments: [
      { paddr: 0x3000, memsz: 0x1000, header: { p_offset: 1n << 50n } },
      { paddr: 0x1000, bytes, memsz: 0x1800 },
    ],
  });
  expect(kernel.segments.map(({ index, paddr, filesz, memsz }) => [index, paddr, filesz, memsz])).toEqual([
    [1, 0x1000n, 0x1000, 0x1800],
    [0, 0x3000n, 0, 0x1000],
  ]);
  expect([kernel.pstart, kernel.pend]).toEqual([0x1000n, 0x4000n]);
});

test("ELF32 addresses end at 4 GiB", () => {
  const kernel = inspectElf({ class: 32, segments: [{ paddr: 0xfffff000, bytes }] });
  expect(kernel.pend).toBe(0x100000000n);
  expect(failure({ class: 32, segments: [{ paddr: 0xfffff001, bytes }] }).message).toMatch(/wraps around/);
});

test("byte order and class", () => {
  const identify = (index: number, value: number) => {
    const elf = buildElf(linuxClassic);
    elf[index] = value;
    const e_ident = elf.slice(0, 16);
    return failure({ ...linuxClassic, header: { e_ident } as never });
  };
  expect(identify(5, 2).message).toMatch(/big endian; x86 kernels are little endian/);
  expect(identify(5, 9).message).toMatch(/unknown byte order 9/);
  expect(identify(4, 3)).toMatchObject({
    message: expect.stringMatching(/class is 3/),
    details: { offset: 4 },
  });
});

test.each([0, 3, 15, 40, 63])("an ELF file of %d bytes is refused", (length) => {
  const elf = buildElf(linuxClassic).subarray(0, length);
  const error = failureOf(elf);
  expect(error.code).toBe(length < 4 ? "KERNEL_ELF" : "KERNEL_TRUNCATED");
});

function failureOf(elf: Uint8Array): PvhError {
  try {
    inspectKernel({ format: "elf", compression: "none", elf });
  } catch (error) {
    return error as PvhError;
  }
  return expect.fail("no error");
}
