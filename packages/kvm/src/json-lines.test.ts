import { expect, test } from "vitest";
import { JsonLines } from "./json-lines.ts";

const feed = (lines: JsonLines, bytes: Uint8Array) => [...lines.feed(bytes)];
const utf8 = (text: string) => new TextEncoder().encode(text);

test("lines come whole, however the bytes were cut", () => {
  const bytes = utf8('{"a":"grün"}\n\n[1,2]\n"€"\n');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const lines = new JsonLines();
    const seen = [...feed(lines, bytes.subarray(0, cut)), ...feed(lines, bytes.subarray(cut))];
    expect(seen).toEqual([{ a: "grün" }, [1, 2], "€"]);
  }
});

test("what is no JSON, and a line without end, is refused", () => {
  expect(() => feed(new JsonLines(), utf8("nonsense\n"))).toThrow(SyntaxError);
  const lines = new JsonLines();
  const chunk = utf8("x".repeat(300_000));
  expect(() => {
    for (let i = 0; i < 10; i++) feed(lines, chunk);
  }).toThrow("longer than 1048576");
});
