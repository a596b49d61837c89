import { describe, expect, test } from "vitest";
import { putText, textOf, utf8Text } from "./byte-text.ts";
import { atoi, strtolExact } from "./c-numbers.ts";
import { absolute, childOf, isValidPath, levelsBelow, nameOf, parentOf } from "./paths.ts";

const long = (length: number) => "n".repeat(length);

test.for([
  ["/", true],
  ["/a", true],
  ["/A-z/09/_@", true],
  ["", false],
  ["a", false],
  ["/a/", false],
  ["//", false],
  ["/a//b", false],
  ["/a.b", false],
  ["/a b", false],
  ["/a\n", false],
  ["/\u00e9", false],
  [`/${long(2047)}`, true],
  [`/${long(2048)}`, false],
  // Below a domain's home, the home does not count.
  [`/local/domain/1/${long(2048)}`, true],
  [`/local/domain/1/${long(2049)}`, false],
  [`/local/domain/65535/${long(2048)}`, true],
  [`/local/domain/655350/${long(2048)}`, false],
] as const)("a path: %s", ([path, valid]) => {
  expect(isValidPath(path)).toBe(valid);
});

test("parts of paths", () => {
  expect(["/a/b", "/a", "/"].map(parentOf)).toEqual(["/a", "/", "/"]);
  expect(["/a/b", "/a"].map(nameOf)).toEqual(["b", "a"]);
  expect([childOf("/", "a"), childOf("/a", "b")]).toEqual(["/a", "/a/b"]);
  expect(["a", "/a", "@a", ""].map((path) => absolute("/home", path))).toEqual([
    "/home/a",
    "/a",
    "@a",
    "/home/",
  ]);
});

test.for([
  ["/a", "/a", 0],
  ["/", "/", 0],
  ["/a", "/", 1],
  ["/a/b/c", "/", 3],
  ["/a/b", "/a", 1],
  ["/a/b/c", "/a", 2],
  ["/ab", "/a", undefined],
  ["/", "/a", undefined],
  ["@a", "/", undefined],
] as const)("%s is below %s by %s", ([path, above, levels]) => {
  expect(levelsBelow(path, above)).toBe(levels);
});

describe("numbers as C reads them", () => {
  test.for([
    ["0", 0],
    ["12", 12],
    [" \t12x", 12],
    ["-3", -3],
    ["+4", 4],
    ["", 0],
    ["x", 0],
    ["4294967301", 5],
    ["99999999999999999999", -1],
    ["-99999999999999999999", 0],
  ] as const)("atoi(%j) is %s", ([text, value]) => {
    expect(atoi(text)).toBe(value);
  });

  test.for([
    ["1", 1],
    ["0x1F", 31],
    ["010", 8],
    ["0", 0],
    ["-1", -1],
    [" 7", 7],
    ["08", undefined],
    ["0x", undefined],
    ["1 ", undefined],
    ["", undefined],
    ["-", undefined],
    ["r", undefined],
  ] as const)("strtol(%j) is %s", ([text, value]) => {
    expect(strtolExact(text)).toBe(value);
  });
});

test("byte strings keep every byte", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 256);
  const text = textOf(bytes);
  const back = new Uint8Array(5000);
  putText(back, 0, text);
  expect(back).toEqual(bytes);
  putText(new Uint8Array(3), 1, "abc");
  expect(utf8Text("é")).toBe("\u00c3\u00a9");
});
