import fc from "fast-check";
import { expect, test } from "vitest";
import { batches } from "./populate.ts";

const frames = (first: number, count: number) => [...batches(first, count)];

test("memory comes in the largest extents that its alignment allows", () => {
  expect(frames(0, 131072)).toEqual([{ first: 0, extents: 256, order: 9 }]);
  expect(frames(0, 262144 + 512 + 3)).toEqual([
    { first: 0, extents: 1, order: 18 },
    { first: 262144, extents: 1, order: 9 },
    { first: 262656, extents: 3, order: 0 },
  ]);
  // 0xfc000000 is a multiple of 2 MiB, and three frames are not one.
  expect(frames(0xfc000, 3)).toEqual([{ first: 0xfc000, extents: 3, order: 0 }]);
});

test("what is short of large extents is covered by smaller ones", () => {
  expect([...batches(262144, 262144, 9)]).toEqual([{ first: 262144, extents: 512, order: 9 }]);
  expect([...batches(512, 4097, 0)]).toEqual([
    { first: 512, extents: 4096, order: 0 },
    { first: 4608, extents: 1, order: 0 },
  ]);
});

test("every frame is covered once, in order, by aligned extents", () => {
  const range = fc.tuple(
    fc.nat(0x200000),
    fc.integer({ min: 1, max: 0x100000 }),
    fc.constantFrom<18 | 9 | 0>(18, 9, 0),
  );
  fc.assert(
    fc.property(range, ([first, count, largest]) => {
      let next = first;
      for (const batch of batches(first, count, largest)) {
        expect(batch.first).toBe(next);
        expect(batch.first % 2 ** batch.order).toBe(0);
        expect(batch.order).toBeLessThanOrEqual(largest);
        expect(batch.extents).toBeGreaterThan(0);
        next += batch.extents * 2 ** batch.order;
      }
      expect(next).toBe(first + count);
    }),
    { numRuns: 200 },
  );
});
