import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Compression, decompress, detectCompression } from "./index.ts";
import { sample } from "./sample.testing.ts";
import { vectors } from "./vectors.testing.ts";

const plain = Buffer.from(sample());
const limit = 3 * plain.length;
const compressions = Object.keys(vectors) as (keyof typeof vectors)[];
/** Their data has no checksum, so that damage can go unnoticed. */
const unguarded: readonly Compression[] = ["lz4", "lzma"];

type Change =
  | { kind: "set"; at: number; value: number }
  | { kind: "flip"; at: number; bit: number }
  | { kind: "insert" | "remove" | "repeat"; at: number; count: number }
  | { kind: "cut"; at: number };

const at = fc.nat(0xffff);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), at, value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) }),
  fc.record({ kind: fc.constant("flip" as const), at, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constantFrom("insert" as const, "remove" as const, "repeat" as const),
    at,
    count: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ kind: fc.constant("cut" as const), at }),
);

function apply(bytes: Buffer, change: Change): Buffer {
  const at = bytes.length === 0 ? 0 : change.at % bytes.length;
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  switch (change.kind) {
    case "set":
      return Buffer.concat([before, Uint8Array.of(change.value), after.subarray(1)]);
    case "flip":
      return Buffer.concat([before, Uint8Array.of((after[0] ?? 0) ^ (1 << change.bit)), after.subarray(1)]);
    case "insert":
      return Buffer.concat([before, Buffer.alloc(change.count), after]);
    case "remove":
      return Buffer.concat([before, after.subarray(change.count)]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, change.count), after]);
    case "cut":
      return Buffer.from(before);
  }
}

test.each(compressions)(
  "damaged %s ends in an error that says where, or in the right data",
  (compression) => {
    const whole = Buffer.from(vectors[compression], "base64");
    const property = fc.property(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(undefined, plain.length),
      (changes, size) => {
        const input = changes.reduce(apply, whole);
        let result: Uint8Array;
        try {
          result = decompress(compression, new Uint8Array(input), { size, limit });
        } catch (error) {
          if (!(error instanceof PvhError)) throw error;
          expect(["KERNEL_COMPRESSION", "KERNEL_TOO_LARGE"]).toContain(error.code);
          const { field, offset, found, allowed } = error.details;
          expect(field).toMatch(new RegExp(`^${compression} `));
          expect(offset).toBeGreaterThanOrEqual(0);
          // Decoders read some bits ahead.
          expect(offset).toBeLessThanOrEqual(input.length + 8);
          for (const part of [found, allowed]) expect(error.message).toContain(String(part));
          return;
        }
        expect(result.length).toBeLessThanOrEqual(size ?? limit);
        if (size !== undefined) expect(result.length).toBe(size);
        // Whole parts may have been removed or repeated; each must be right.
        if (unguarded.includes(compression)) return;
        for (let i = 0; i < result.length; i += plain.length) {
          expect(plain.equals(result.subarray(i, i + plain.length))).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: 1000 });
  },
);

test("no bytes at all make a decoder fail in another way", () => {
  const property = fc.property(
    fc.constantFrom(...compressions),
    fc.boolean(),
    fc.uint8Array({ maxLength: 200 }),
    (compression, withMagic, noise) => {
      const header = Buffer.from(vectors[compression], "base64").subarray(0, withMagic ? 12 : 0);
      const input = new Uint8Array(Buffer.concat([header, noise]));
      detectCompression(input);
      try {
        decompress(compression, input, { limit: 1 << 16 });
      } catch (error) {
        expect(error).toBeInstanceOf(PvhError);
      }
    },
  );
  fc.assert(property, { numRuns: 2000 });
});
