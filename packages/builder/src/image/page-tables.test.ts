import { expect, test } from "vitest";
import { walk } from "./image.testing.ts";
import { pageTableChunks, tableFrames, tableLevels } from "./page-tables.ts";

const TABLES = 0x10000;
const MIB = 1024 * 1024;

function build(virtBase: bigint, virtEnd: bigint, chunkSize = MIB): Uint8Array {
  const memory = new Uint8Array(TABLES + tableFrames(virtBase, virtEnd) * 4096);
  let next = TABLES;
  for (const { gpa, bytes } of pageTableChunks(TABLES, virtBase, virtEnd, chunkSize)) {
    expect(gpa).toBe(next);
    expect(bytes.length).toBeLessThanOrEqual(chunkSize);
    memory.set(bytes, gpa);
    next += bytes.length;
  }
  expect(next).toBe(memory.length);
  return memory;
}

test.each([
  ["Linux: top of the address space", 0xffffffff80000000n, 0xffffffff82c00000n],
  ["up to the last byte", 0xffffffffffc00000n, 1n << 64n],
  ["mini-os: from 0", 0n, 0x1000000n],
  ["not aligned to 2 MiB", 0x7fff3000n, 0x80804000n],
  ["across 512 GiB", 0x7fffc00000n, 0x8000800000n],
  ["one page", 0xffff800000001000n, 0xffff800000002000n],
])("maps each page of the range and none beside it: %s", (_, virtBase, virtEnd) => {
  const memory = build(virtBase, virtEnd, 8192);
  for (let virtual = virtBase; virtual < virtEnd; virtual += 4096n) {
    const found = walk(memory, BigInt(TABLES), virtual);
    if (found?.gpa !== Number(virtual - virtBase)) expect.fail(`${virtual.toString(16)} -> ${found?.gpa}`);
  }
  expect(walk(memory, BigInt(TABLES), virtBase)?.flags).toEqual([0x67, 0x67, 0x67, 0x23]);
  const present = new BigUint64Array(memory.buffer).filter((entry) => (entry & 0xfffn) === 0x23n);
  expect(present.length).toBe(Number((virtEnd - virtBase) >> 12n));
});

test("counts tables as libxc does: one L4, one L3 for 512 GiB, one L2 for 1 GiB, one L1 for 2 MiB touched", () => {
  const counts = (base: bigint, end: bigint) => tableLevels(base, end).map(({ tables }) => tables);
  expect(counts(0xffffffff80000000n, 0xffffffff82c00000n)).toEqual([1, 1, 1, 22]);
  expect(counts(0x7fffc00000n, 0x8000800000n)).toEqual([1, 2, 2, 6]);
  expect(tableFrames(0n, 0x40001000n)).toBe(1 + 1 + 2 + 513);
});

test("frames above 4 GiB keep their upper bits", () => {
  const base = 2 ** 40;
  const chunks = [...pageTableChunks(base, 0n, 4096n, MIB)];
  const entry = new DataView(chunks[0]?.bytes.buffer ?? new ArrayBuffer(8)).getBigUint64(0, true);
  expect(entry).toBe(BigInt(base) + 0x1067n);
});
