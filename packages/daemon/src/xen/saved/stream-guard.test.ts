import { LIBXC_RECORD } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { leastRecords, libxcHeaders, pageData, record } from "./saved.testing.ts";
import { StreamGuard } from "./stream-guard.ts";

const FRAMES = 0x100000;
const whole = Buffer.concat([libxcHeaders(), ...leastRecords]);

/** What is let through of a stream that comes in pieces of such sizes. */
function passed(bytes: Uint8Array, sizes: readonly number[]): { length: number; end: string } {
  const guard = new StreamGuard(FRAMES);
  let length = 0;
  try {
    for (let i = 0; length < bytes.length; i++) {
      const chunk = bytes.subarray(length, length + (sizes[i % sizes.length] ?? 1));
      guard.check(chunk);
      length += chunk.length;
    }
    return { length, end: guard.whole ? "whole" : "incomplete" };
  } catch (error) {
    // Anything else is a defect of the guard.
    if (error instanceof PvhError) return { length, end: error.code };
    throw error;
  }
}

test("a stream is right however it is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (sizes) => {
      expect(passed(whole, sizes)).toEqual({ length: whole.length, end: "whole" });
    }),
  );
});

test("a stream that ends early is not whole", () => {
  for (let length = 0; length < whole.length; length += 7) {
    expect(passed(whole.subarray(0, length), [1000])).toEqual({ length, end: "incomplete" });
  }
});

test("nothing may follow", () => {
  expect(passed(Buffer.concat([whole, Buffer.alloc(1)]), [64])).toMatchObject({ end: "SAVED_FORMAT" });
});

test("the end of a record with memory beyond the guest's is never let through, however it is cut", () => {
  const [first] = leastRecords;
  const bad = record(LIBXC_RECORD.PAGE_DATA, pageData({ frame: 1, type: 0xe }, { frame: FRAMES, type: 0xe }));
  const bytes = Buffer.concat([libxcHeaders(), first ?? bad, bad]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sizes) => {
      const { length, end } = passed(bytes, sizes);
      expect(end).toBe("SAVED_FORMAT");
      expect(length).toBeLessThan(bytes.length);
    }),
  );
});

test("hostile bytes are refused with a code, or right", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      passed(bytes, [333]);
    }),
  );
});
