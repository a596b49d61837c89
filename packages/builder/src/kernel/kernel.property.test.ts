import { gzipSync } from "node:zlib";
import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildBzImage, buildElf, concat } from "./elf.testing.ts";
import { inspectKernel } from "./inspect.ts";
import {
  debianKernel,
  direct32,
  freebsdClassic,
  grubKernel,
  linuxClassic,
  miniOsClassic,
} from "./kernels.testing.ts";
import { kernelRegions } from "./regions.ts";
import { kernelReport } from "./report.ts";
import { unpackKernel } from "./unpack.ts";

/**
 * Whatever a file holds, the answer is a report or a PvhError: a view into the file, or nothing beyond what the file's
 * size explains.
 */
function check(file: Uint8Array, maxUnpacked = 1 << 24): "report" | "rejected" {
  try {
    const kernel = inspectKernel(unpackKernel(file, { maxUnpacked }));
    const text = JSON.stringify(kernelReport(kernel));
    expect(text.length).toBeLessThan(kernel.elf.length * 8 + 1_000_000);
    for (const { state, boot } of [
      { boot: undefined, ...kernel.direct },
      { boot: undefined, ...kernel.classic },
    ]) {
      if (state !== "supported" || boot === undefined) continue;
      for (const region of kernelRegions(kernel, boot)) {
        expect(region.gpa).toBeGreaterThanOrEqual(boot.start);
        expect(region.gpa + region.size).toBeLessThanOrEqual(boot.end);
        if ("bytes" in region.contents) expect(region.contents.bytes.length).toBeLessThanOrEqual(region.size);
      }
    }
    return "report";
  } catch (error) {
    if (!(error instanceof PvhError)) throw error;
    expect(error.code).toMatch(/^KERNEL_/);
    expect(error.message).toMatch(/\.$/);
    return "rejected";
  }
}

const interesting = [0, 1, 2, 4, 8, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = { at: number; width: 1 | 2 | 4 | 8; value: number };

/** Positions prefer the regions given, which hold the headers and notes: all that the reader looks at. */
function mutations(length: number, hot: { at: number; size: number }[]): fc.Arbitrary<Mutation[]> {
  const places = hot.map(({ at, size }) => fc.integer({ min: at, max: Math.max(at, at + size - 1) }));
  return fc.array(
    fc.record({
      at: fc.oneof(...places, fc.nat(Math.max(0, length - 1))),
      width: fc.constantFrom(1, 2, 4, 8),
      value: fc.oneof(fc.constantFrom(...interesting), fc.nat(0xff), fc.nat(length * 2)),
    }),
    { minLength: 1, maxLength: 6 },
  );
}

function mutate(file: Uint8Array, changes: Mutation[]): Uint8Array {
  const copy = new Uint8Array(file);
  for (const { at, width, value } of changes) {
    for (let i = 0; i < width && at + i < copy.length; i++) {
      copy[at + i] = i < 4 ? (value >>> (8 * i)) & 0xff : value === 0xffffffff ? 0xff : 0;
    }
  }
  return copy;
}

const made = {
  linux: buildElf({ ...linuxClassic, notesIn: "both" }),
  freebsd: buildElf(freebsdClassic),
  "mini-os": buildElf(miniOsClassic),
  "32-bit direct": buildElf(direct32),
};

test.each(Object.entries(made))("a mutated %s kernel", (_, file) => {
  const tail = { at: Math.max(0, file.length - 1200), size: 1200 };
  const seen = { report: 0, rejected: 0 };
  fc.assert(
    fc.property(mutations(file.length, [{ at: 0, size: 64 }, { at: 64, size: 200 }, tail]), (changes) => {
      seen[check(mutate(file, changes))]++;
    }),
    { numRuns: 2000 },
  );
  expect(seen.report).toBeGreaterThan(50);
  expect(seen.rejected).toBeGreaterThan(50);
});

test.each(Object.entries(made))("a %s kernel that ends anywhere", (_, file) => {
  fc.assert(
    fc.property(fc.nat(file.length), (length) => {
      check(file.subarray(0, length));
    }),
    { numRuns: 500 },
  );
});

test("a mutated or truncated bzImage", () => {
  const file = buildBzImage({ payload: gzipSync(made.linux) });
  const header = { at: 0x1f0, size: 0x60 };
  fc.assert(
    fc.property(
      mutations(file.length, [header, header]),
      fc.nat(file.length),
      fc.boolean(),
      (changes, length, cut) => {
        check(mutate(cut ? file.subarray(0, length) : file, changes));
      },
    ),
    { numRuns: 2000 },
  );
});

test("any bytes, with and without a magic in front", () => {
  const magics = [
    [],
    [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1],
    [0x1f, 0x8b, 8],
    [0x4d, 0x5a],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 2000 }), (magic, bytes) => {
      check(concat([Uint8Array.from(magic), bytes]));
    }),
    { numRuns: 2000 },
  );
});

test("mutated GRUB images", (context) => {
  for (const name of ["i386-xen_pvh", "i386-xen", "x86_64-xen"] as const) {
    const file = grubKernel(name);
    if (typeof file === "string") return context.skip(file);
    fc.assert(
      fc.property(
        mutations(file.length, [
          { at: 0, size: 700 },
          { at: file.length - 200, size: 200 },
        ]),
        (changes) => {
          check(mutate(file, changes));
        },
      ),
      { numRuns: 100 },
    );
  }
});

test("the Debian kernel with mutated headers and notes, and its bzImage with a mutated header", (context) => {
  const file = debianKernel("cloud");
  if (typeof file === "string") return context.skip(file);
  const { elf } = unpackKernel(file);
  const kernel = inspectKernel({ format: "elf", compression: "none", elf });
  const notes = kernel.notes.map(({ offset }) => ({ at: offset, size: 32 }));
  const header = elf.slice(0, 512);
  const notesStart = notes[0]?.at ?? 0;
  const original = elf.slice(notesStart, notesStart + 600);
  fc.assert(
    fc.property(
      mutations(512, [{ at: 0, size: 400 }]),
      mutations(600, [{ at: 0, size: 600 }]),
      (first, second) => {
        // In place, since a copy of 53 MB for each run would take most of the time.
        elf.set(mutate(header, first));
        elf.set(mutate(original, second), notesStart);
        try {
          check(elf);
        } finally {
          elf.set(header);
          elf.set(original, notesStart);
        }
      },
    ),
    { numRuns: 1000 },
  );
  const setup = new Uint8Array(file.subarray(0, 0x260));
  fc.assert(
    fc.property(mutations(0x260, [{ at: 0x1f0, size: 0x60 }]), (changes) => {
      // Short, so that a mutation that leaves the payload in place does not unpack it each time.
      check(concat([mutate(setup, changes), file.subarray(0x260, 0x20000)]));
    }),
    { numRuns: 500 },
  );
});
