import { PvhError } from "@pvh/errors";
import { expect, test } from "vitest";
import { type ClassicPlacement, classicLayout, type LayoutInput } from "./layout.ts";

const VIRT_BASE = 0xffffffff80000000n;
const MIB = 1024 * 1024;

function layout(input: Partial<LayoutInput>) {
  return classicLayout({
    virtBase: VIRT_BASE,
    kernelEnd: 0x2000000,
    ramdiskSize: 0,
    memory: 512 * MIB,
    lowMemoryLimit: Number.POSITIVE_INFINITY,
    placement: "libxc",
    ...input,
  });
}

/** Computed with Xen 4.5's algorithm (xc_dom_build_image); addresses are relative to virt_base. */
const vectors = [
  {
    input: { kernelEnd: 0x2000000, ramdiskSize: 0xa00000, memory: 512 * MIB },
    p2m: 0x2a00000,
    startInfo: 0x2b00000,
    pageTables: 0x2b04000,
    frames: 25,
    stackTop: 0x2b1e000,
    mappedEnd: 0x2c00000,
  },
  {
    input: { kernelEnd: 0x2000000, memory: 128 * MIB },
    p2m: 0x2000000,
    startInfo: 0x2040000,
    pageTables: 0x2044000,
    frames: 21,
    stackTop: 0x205a000,
    mappedEnd: 0x2400000,
  },
  {
    input: { kernelEnd: 0x1f00000, memory: 64 * MIB },
    p2m: 0x1f00000,
    startInfo: 0x1f20000,
    pageTables: 0x1f24000,
    frames: 19,
    stackTop: 0x1f38000,
    mappedEnd: 0x2000000,
  },
];

test.each(vectors)("libxc's layout of $input", ({ input, ...expected }) => {
  const { startInfo, pageTables, p2m, pageTableFrames, bootStack, mappedEnd, ...pages } = layout(input);
  const stackTop = bootStack + 4096;
  expect({ p2m, startInfo, pageTables, frames: pageTableFrames, stackTop, mappedEnd }).toEqual(expected);
  expect(pages.xenstore).toBe(startInfo + 0x1000);
  expect(pages.console).toBe(startInfo + 0x2000);
  expect(pages.sharedInfo).toBe(startInfo + 0x3000);
});

test.each(vectors)(
  "the default layout of $input differs only in the four pages",
  ({ input, ...expected }) => {
    const { startInfo, pageTables, p2m, pageTableFrames, bootStack, mappedEnd, ...pages } = layout({
      ...input,
      placement: "reserved-shared-info",
    });
    const stackTop = bootStack + 4096;
    expect({ p2m, startInfo, pageTables, frames: pageTableFrames, stackTop, mappedEnd }).toEqual({
      ...expected,
      startInfo: expected.startInfo + 0x800,
    });
    expect(pages.sharedInfo).toBe(expected.startInfo + 0x1000);
    expect(pages.xenstore).toBe(expected.startInfo + 0x2000);
    expect(pages.console).toBe(expected.startInfo + 0x3000);
  },
);

test("PAGE_SIZE bytes from start_info reach into shared_info, and all pages stay below the tables", () => {
  const { startInfo, sharedInfo, xenstore, console, pageTables } = layout({
    placement: "reserved-shared-info",
  });
  expect(startInfo + 4096).toBeGreaterThan(sharedInfo);
  expect(startInfo + 1168).toBeLessThanOrEqual(sharedInfo);
  expect(Math.max(sharedInfo, xenstore, console) + 4096).toBeLessThanOrEqual(pageTables);
});

/** xc_dom_core's alloc_pgtables, written down a second time straight from its C form, for comparison. */
function libxcMapping(virtBase: bigint, allocEnd: bigint) {
  let pages = 129n;
  for (;;) {
    const tryEnd = (allocEnd + pages * 4096n) | 0x3fffffn;
    const tables = (bits: bigint) => {
      const mask = (1n << bits) - 1n;
      return ((tryEnd | mask) + 1n - (virtBase & ~mask)) >> bits;
    };
    const frames = tables(48n) + tables(39n) + tables(30n) + tables(21n);
    pages = frames + 129n;
    if (allocEnd + pages * 4096n <= tryEnd + 1n) return { frames: Number(frames), end: tryEnd + 1n };
  }
}

test.each([0n, 0x1000n, 0x12345000n, VIRT_BASE, 0xffff830000000000n])(
  "the 4 MiB rule agrees with libxc's loop for VIRT_BASE %s and every page that the tables can begin at",
  (virtBase) => {
    for (let kernelEnd = 0x1c00000; kernelEnd <= 0x2400000; kernelEnd += 4096) {
      const { pageTables, pageTableFrames, mappedEnd } = layout({ virtBase, kernelEnd, memory: 64 * MIB });
      const expected = libxcMapping(virtBase, virtBase + BigInt(pageTables));
      if (pageTableFrames !== expected.frames || virtBase + BigInt(mappedEnd) !== expected.end) {
        expect.fail(`kernelEnd ${kernelEnd.toString(16)}`);
      }
    }
  },
);

function failure(input: Partial<LayoutInput>): PvhError {
  try {
    layout(input);
  } catch (error) {
    if (error instanceof PvhError) return error;
    throw error;
  }
  return expect.fail("no error");
}

test("too little memory is refused with what needs how much, and the least that would do", () => {
  const input = { kernelEnd: 0x2000000, ramdiskSize: 0xa00000, memory: 32 * MIB };
  const error = failure(input);
  expect(error.code).toBe("LAYOUT_MEMORY");
  expect(error.message).toBe(
    "memory = 32 MiB is too small: kernel up to 32.0 MiB, ramdisk 10.0 MiB, list of frames 64.0 KiB, page tables 100.0 KiB, with slack the boot image ends at 44.0 MiB; the least that would do is memory = 44.",
  );
  expect(error.details).toEqual({ field: "memory", found: 32, allowed: "at least 44" });
});

test.each<[number, number, ClassicPlacement]>([
  [0x2000000, 0, "libxc"],
  [0x100000, 3 * MIB, "reserved-shared-info"],
  [4000 * MIB, 0, "reserved-shared-info"],
])(
  "the least memory that the error names does, and 1 MiB less does not: %d, %d, %s",
  (kernelEnd, ramdiskSize, placement) => {
    const input = { virtBase: 0n, kernelEnd, ramdiskSize, placement };
    const least = Number(/memory = (\d+)\.$/.exec(failure({ ...input, memory: MIB }).message)?.[1]);
    expect(layout({ ...input, memory: least * MIB }).mappedEnd).toBeLessThanOrEqual(least * MIB);
    expect(failure({ ...input, memory: (least - 1) * MIB }).message).toContain(`memory = ${least}.`);
  },
);

test("an image that cannot end below the hole in the memory is refused without naming memory that would do", () => {
  const lowMemoryLimit = 0xfc000000;
  const input = { virtBase: 0n, kernelEnd: 4004 * MIB, lowMemoryLimit };
  expect(layout({ ...input, memory: 8192 * MIB }).mappedEnd).toBe(lowMemoryLimit);
  expect(failure({ ...input, memory: 1024 * MIB }).message).toMatch(/would do is memory = 40\d\d\.$/);
  for (const memory of [1024 * MIB, 4096 * MIB, 8192 * MIB]) {
    const error = failure({ ...input, ramdiskSize: 20 * MIB, memory });
    expect(error.message).toMatch(
      /^The boot image must end below the hole in the guest's memory at 4032\.0 MiB, but it has kernel up to 4004\.0 MiB, ramdisk 20\.0 MiB, .* the boot image ends at 40\d\d\.0 MiB\.$/,
    );
    expect(error.details).toMatchObject({ field: "kernel", allowed: "at most 0xfc000000" });
  }
});

test("a mapping beyond the end of the address space is refused", () => {
  expect(failure({ kernelEnd: 2047 * MIB, memory: 4096 * MIB }).message).toMatch(
    /needs 2\d{3}\.0 MiB from VIRT_BASE 0xffffffff80000000, but the address space ends at 0x10000000000000000/,
  );
  expect(failure({ virtBase: (1n << 47n) - 0x1000000n }).message).toContain("ends at 0x800000000000;");
});

test("VIRT_BASE must be a canonical address on a page", () => {
  expect(failure({ virtBase: 1n << 47n })).toMatchObject({ code: "KERNEL_NOTE" });
  expect(failure({ virtBase: 0xffffffff80000800n })).toMatchObject({ code: "KERNEL_NOTE" });
});
