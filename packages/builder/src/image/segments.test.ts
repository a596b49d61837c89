import { expect, test } from "vitest";
import type { Region } from "./image.ts";
import { imageSpan, segments, writeImage } from "./segments.ts";

const MIB = 1024 * 1024;

const imageOf = (...regions: Region[]) => ({ regions });

test("input data come as views, zeros not at all", () => {
  const file = new Uint8Array(3 * MIB);
  const found = [
    ...segments(
      imageOf(
        { name: "a", gpa: 0x1000, size: 4 * MIB, contents: { kind: "file", bytes: file } },
        { name: "b", gpa: 0x800000, size: MIB, contents: { kind: "zero" } },
        { name: "c", gpa: 0x900000, size: MIB, contents: { kind: "file", bytes: new Uint8Array(0) } },
      ),
    ),
  ];
  expect(found.length).toBe(1);
  expect(found[0]?.bytes).toBe(file);
});

test("generated data come in bounded pieces without a gap", () => {
  const entries = 300_000;
  const p2m: Region = { name: "p2m", gpa: 0x5000, size: 0, contents: { kind: "identity-p2m", entries } };
  let next = 0x5000;
  let frame = 0n;
  for (const { gpa, bytes } of segments(imageOf(p2m))) {
    expect(gpa).toBe(next);
    expect(bytes.length).toBeLessThanOrEqual(MIB);
    for (const value of new BigUint64Array(bytes.slice().buffer)) {
      if (value !== frame++) expect.fail(`frame ${frame}`);
    }
    next += bytes.length;
  }
  expect(next).toBe(0x5000 + entries * 8);
});

test("the raw file ends with the last region that is not zero, and later regions overwrite earlier ones", () => {
  const image = imageOf(
    { name: "a", gpa: 0, size: 0x1800, contents: { kind: "bytes", bytes: Uint8Array.of(1, 2, 3) } },
    { name: "b", gpa: 0xfefff000, size: 0x1000, contents: { kind: "zero" } },
    { name: "c", gpa: 1, size: 1, contents: { kind: "bytes", bytes: Uint8Array.of(9) } },
  );
  expect(imageSpan(image)).toBe(0x2000);
  const memory = new Uint8Array(imageSpan(image));
  writeImage(image, { write: (gpa, bytes) => memory.set(bytes, gpa) });
  expect([...memory.subarray(0, 4)]).toEqual([1, 9, 3, 0]);
});
