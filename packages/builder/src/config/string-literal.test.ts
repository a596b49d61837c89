import { describe, expect, test } from "vitest";
import { errorOf, marked } from "./config.testing.ts";
import { parseConfigText } from "./parser.ts";

function read(literal: string): string | undefined {
  const value = parseConfigText(`a = ${literal}`).assignments[0]?.value;
  return value?.kind === "string" ? value.text : undefined;
}

test.each([
  ["''", ""],
  ['"plain"', "plain"],
  [String.raw`"\\ \' \" \a\b\f\n\r\t\v"`, "\\ ' \" \x07\b\f\n\r\t\v"],
  [String.raw`'\\ \' \" \a\b\f\n\r\t\v'`, "\\ ' \" \x07\b\f\n\r\t\v"],
  [String.raw`"\x41\x7a\x7A"`, "Azz"],
  [String.raw`"\101\172\0411"`, "Az!1"],
  [String.raw`"caf\xc3\xa9!"`, "café!"],
  [String.raw`"\342\202\254\n"`, "€\n"],
  ['"a\tb"', "a\tb"],
  ["'a[b]=c,d;e#f'", "a[b]=c,d;e#f"],
])("%s", (literal, value) => {
  expect(read(literal)).toBe(value);
});

describe("what is refused", () => {
  test.each<[string, RegExp]>([
    ["a = «'x", /no closing ' on its line/],
    ['a = «"', /no closing " on its line/],
    ['a = «"x\ny"', /no closing "/],
    ['a = «"x\r\n', /no closing "/],
    ["a = «\"x'", /no closing "/],
    [String.raw`a = «"x\"`, /no closing "/],
    [String.raw`a = "x«\q"`, /a backslash before "q" means nothing/],
    [String.raw`a = "«\u0041"`, /a backslash before "u"/],
    ['a = "x«\\\ny"', /a backslash before U\+000A/],
    ['a = "x«\\', /a backslash before/],
    [String.raw`a = "«\x4"`, /exactly two hexadecimal digits/],
    [String.raw`a = "«\xg0"`, /exactly two hexadecimal digits/],
    [String.raw`a = "«\12"`, /three digits up to \\377/],
    [String.raw`a = "«\400"`, /three digits up to \\377/],
    [String.raw`a = "«\089"`, /three digits up to \\377/],
    [String.raw`a = "x«\x00"`, /NUL/],
    [String.raw`a = "x«\000"`, /NUL/],
    ['a = "x«\0"', /NUL/],
    [String.raw`a = "x«\xe9"`, /bytes \\xe9 are not UTF-8/],
    [String.raw`a = "x«\xc3.\xa9"`, /bytes \\xc3 are not UTF-8/],
    [String.raw`a = "x«\xed\xa0\x80"`, /not UTF-8/],
  ])("%j", (input, message) => {
    const { text, line, column } = marked(input);
    const error = errorOf(() => parseConfigText(text));
    expect(error.code).toBe("CONFIG_SYNTAX");
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ line, column });
  });
});
