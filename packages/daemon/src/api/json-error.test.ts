import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonErrorOffset, parseJson } from "./json-error.ts";

test.each([
  ["", 0],
  ["x", 0],
  ["{", 1],
  ['{"a":1', 6],
  ['{"a":1,}', 7],
  ['{"a" 1}', 5],
  ['{"a":}', 5],
  ["[1,2,]", 5],
  ["[1 2]", 3],
  ["{} {}", 3],
  ['"a\nb"', 0],
  ["01", 1],
  ["[tru]", 1],
  ["{'a':1}", 1],
])("%j is wrong at %d", (text, offset) => {
  expect(jsonErrorOffset(text)).toBe(offset);
  expect(() => parseJson(new TextEncoder().encode(text))).toThrow(
    expect.objectContaining({ code: "REQUEST_INVALID", details: expect.objectContaining({ offset }) }),
  );
});

test("agrees with JSON.parse on what is valid", () => {
  const valid = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", "{", "]", '"', ",", ":", "0", "x", " "),
      (text, at, insert) => {
        const index = at % (text.length + 1);
        const changed = text.slice(0, index) + insert + text.slice(index);
        expect(jsonErrorOffset(changed) === undefined).toBe(valid(changed));
      },
    ),
    { numRuns: 1000 },
  );
});

test("a body of nothing but brackets, or of one string, neither recurses nor takes long", () => {
  expect(jsonErrorOffset("[".repeat(1 << 20))).toBe(1 << 20);
  expect(jsonErrorOffset(`["${"a".repeat(1 << 20)}"`)).toBe((1 << 20) + 3);
  expect(jsonErrorOffset(`["${"\\n".repeat(1 << 19)}`)).toBe(1);
});

test("offset counts bytes, column counts characters, and bad UTF-8 is named", () => {
  expect(() => parseJson(new TextEncoder().encode('{\n "ä" 1}'))).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ offset: 8, line: 2, column: 6 }) }),
  );
  expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/not valid UTF-8/);
});
