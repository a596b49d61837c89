import { expect, test } from "vitest";
import { errorOf, pointedAt } from "./config.testing.ts";
import { parseConfigText } from "./parser.ts";
import { SourceText } from "./source-text.ts";

test("lines and columns count from 1, in characters", () => {
  const source = new SourceText("ab\n\n😀x\r\ny", "file");
  const positions = [0, 1, 2, 3, 4, 6, 9].map((offset) => source.position(offset));
  expect(positions).toEqual([
    { line: 1, column: 1 },
    { line: 1, column: 2 },
    { line: 1, column: 3 },
    { line: 2, column: 1 },
    { line: 3, column: 1 },
    { line: 3, column: 2 },
    { line: 4, column: 1 },
  ]);
});

test.each([
  ["name = @x", "name = @x\n       ^"],
  ["\tname =\t@x", "\tname =\t@x\n\t      \t^"],
  ["a = '😀'; b = @x", "a = '😀'; b = @x\n             ^"],
  ["a = 1\r\nb = @x  \r\nc = 1", "b = @x\n    ^"],
  ["a = @", "a = @\n    ^"],
])("the caret stands below the character: %j", (text, excerpt) => {
  expect(errorOf(() => parseConfigText(text)).details.excerpt).toBe(excerpt);
});

test.each([
  ["in the middle", 500, 500],
  ["at the beginning", 0, 900],
  ["at the end", 900, 0],
])("a long line is cut around a caret %s", (_, before, after) => {
  const source = new SourceText(`${"é".repeat(before)}!${"é".repeat(after)}\nnext`, "file");
  const excerpt = source.excerpt(before);
  const [line = "", caret = ""] = excerpt.split("\n");
  expect(line[caret.length - 1]).toBe("!");
  expect(line.length).toBeLessThanOrEqual(106);
  expect(caret.length).toBeGreaterThan(Math.min(before, 50));
  expect(line.startsWith("...")).toBe(before > 100);
  expect(line.endsWith("...")).toBe(after > 100);
});

test("what could garble a terminal is replaced", () => {
  const error = errorOf(() => parseConfigText("a = '\x1b[31m\u202e' @"));
  expect(error.details.excerpt).toBe("a = '\ufffd[31m\ufffd' @\n             ^");
  expect(pointedAt(error)).toBe("@");
  const wordError = errorOf(() => parseConfigText("a = x\ud800y"));
  expect(wordError.message.isWellFormed()).toBe(true);
});
