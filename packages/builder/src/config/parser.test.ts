import { describe, expect, test } from "vitest";
import { errorOf, marked } from "./config.testing.ts";
import { MAX_CONFIG_LENGTH, MAX_LIST_DEPTH, parseConfigText, type ValueNode } from "./parser.ts";

/** A value as xl would print it: texts in double quotes, numbers as written. */
function print(node: ValueNode): string {
  if (node.kind === "list") return `[${node.items.map(print).join(",")}]`;
  return node.kind === "string" ? JSON.stringify(node.text) : node.text;
}

function printed(text: string): string[] {
  return parseConfigText(text).assignments.map(
    ({ key, operator, value }) => `${key} ${operator} ${print(value)}`,
  );
}

describe("what is read", () => {
  test.each<[string, string, string[]]>([
    ["nothing", "", []],
    ["blank lines and separators", "\n \t\n;;\n", []],
    ["a line without its end", 'a = "x"', ['a = "x"']],
    ["no blanks", "a=1\nb='x'", ["a = 1", 'b = "x"']],
    ["CRLF", 'a = "x"\r\nb = [\r\n1,\r\n2 ]\r\n', ['a = "x"', "b = [1,2]"]],
    ["CRLF after a comment", "a = 1 # c\r\nb = 2\r\n", ["a = 1", "b = 2"]],
    ["a comment as the last line", "a = 1\n# end", ["a = 1"]],
    ["a comment behind a value", "a = 64#c\nb = 'x'# c = 3", ["a = 64", 'b = "x"']],
    ["a hash in a text", "a = 'x # y'", ['a = "x # y"']],
    ["separators", "a = 1; b = 2 ;c='x;y'", ["a = 1", "b = 2", 'c = "x;y"']],
    ["+=", "a = 'x'\na += 'y'\nb+=['z']", ['a = "x"', 'a += "y"', 'b += ["z"]']],
    ["keys with digits, dots and underscores", "a.b_c9 = 1", ["a.b_c9 = 1"]],
    ["numbers as xl's lexer takes them", "a = 0x1f\nb = 017\nc = 12ab", ["a = 0x1f", "b = 017", "c = 12ab"]],
    ["an empty list", "a = []\nb = [\n]", ["a = []", "b = []"]],
    ["a trailing comma", "a = [ 'x', ]", ['a = ["x"]']],
    ["line breaks and comments in a list", "a = [ # one\n'x' # two\n, # three\n'y',\n\n]", ['a = ["x","y"]']],
    ["nested lists", "a = [ ['p', 1], [[2]], 'q' ]", ['a = [["p",1],[[2]],"q"]']],
    ["the other quote in a text", `a = "it's"; b = 'say "x"'`, ['a = "it\'s"', 'b = "say \\"x\\""']],
    ["a byte order mark", '\ufeffa = "x"', ['a = "x"']],
    ["the same key twice: not judged here", "a = 1\na = 2", ["a = 1", "a = 2"]],
    ["text beyond ASCII", "a = 'é…😀'", ['a = "é…😀"']],
  ])("%s", (_, text, expected) => {
    expect(printed(text)).toEqual(expected);
  });

  test("every node knows its place", () => {
    const { assignments, source } = parseConfigText('a = 1\n\tbc += [ "x",\n 0x2 ]');
    const [, second] = assignments;
    expect(second?.keyPlace).toMatchObject({ start: 7, end: 9 });
    expect(source.position(7)).toEqual({ line: 2, column: 2 });
    expect(second?.value.place).toMatchObject({ start: 13, end: 26 });
    const items = second?.value.kind === "list" ? second.value.items : [];
    expect(items.map(({ place }) => source.text.slice(place.start, place.end))).toEqual(['"x"', "0x2"]);
    expect(items.map(({ place }) => source.position(place.start))).toEqual([
      { line: 2, column: 10 },
      { line: 3, column: 2 },
    ]);
  });

  test("lists may nest to the limit", () => {
    const depth = MAX_LIST_DEPTH;
    expect(printed(`a = ${"[".repeat(depth)}${"]".repeat(depth)}`)).toHaveLength(1);
  });
});

describe("what is refused", () => {
  test.each<[string, RegExp]>([
    // Bare words.
    ["name = «xen-f", /"xen-f" of name is not quoted: quote it, write name = "xen-f"$/],
    ["a = 1\nname =\t«web # c", /write name = "web"$/],
    ["kernel = «/boot/vmlinuz", /write kernel = "\/boot\/vmlinuz"$/],
    ["extra = «console=hvc0 quiet ; a = 1", /write extra = "console=hvc0 quiet"$/],
    ['extra = «root="x"', /write extra = 'root="x"'$/],
    ["disk = [ 'x', «phy ]", /"phy" of disk is not quoted: quote it, write "phy"$/],
    ["pvh = «True", /True is no value: use 1 for yes and 0 for no, or quote it .* pvh = 1 or pvh = "True"$/],
    ["pvh = «false", /use 1 for yes and 0 for no.* pvh = 0 or/],
    ["pvh = «Yes", /pvh = 1 or/],
    ["ramdisk = «None", /leave ramdisk out .* or quote it .* ramdisk = "None"$/],
    ["memory = «64M", /"64M" is no number: sizes have no unit and are in MiB; write memory = 64,/],
    ["memory = «2GiB", /write memory = 2048,/],
    ["memory = «2048k", /write memory = 2,/],
    ["memory = «-5", /no sign and no fraction/],
    ["memory = «+5", /no sign and no fraction/],
    ["memory = «1.5", /no sign and no fraction/],
    ["memory = «.5", /no sign and no fraction/],
    ["name = «“web”", /quotation mark “/],
    // Keys.
    ["«Name = 'x'", /keys have no capitals: write name$/],
    ["a = 1; «on-crash = 'x'", /keys have no hyphen: write on_crash$/],
    ["«9a = 1", /a key is a lower-case letter/],
    ["«_a = 1", /a key is a lower-case letter/],
    ["«name: 'x'", /"name:" is no key/],
    ["«'name' = 'x'", /the text "name" stands where a key must be/],
    ["«= 1", /= stands where a key must be/],
    ["a = 1\n«]", /\] stands where a key must be/],
    ['«{"name": "x"}', /looks like JSON/],
    // Around the operator.
    ["name «'x'", /after the key name stands the text "x", not =/],
    ["name«", /after the key name stands the end of the file/],
    ["name «\n= 'x'", /after the key name stands the end of the line/],
    ["def «f():", /after the key def stands "f\(\):"/],
    ["name = «", /the end of the file stands where a value of name must be$/],
    ["name = «# c\n'x'", /the end of the line stands where .* same line as the key/],
    ["name = «= 'x'", /= stands where a value/],
    ["name = «; a = 1", /; stands where a value/],
    // Behind the value.
    ["a = 'x' «'y'", /the value is over, but the text "y" follows on the same line$/],
    ["a = 'x' «b = 1", /the value is over, but "b" follows/],
    ["a = 1«, 2", /several values are a list and need brackets/],
    ["a = [] «]", /the list is over, but \] follows/],
    // Lists.
    ["a = [ 'x' «'y' ]", /the text "y" follows a value without a comma/],
    ["a = [ 1 «; 2 ]", /; follows a value without a comma/],
    ["a = [ «, 1 ]", /, stands where a value/],
    ["a = [ 1, «, 2 ]", /, stands where a value/],
    ["a = «[ 1,", /list of a that opens here is never closed/],
    ["a = «[ 1\n", /never closed/],
    ["a = [ 1, «[ 2 \n", /never closed/],
    ["disk = «[ 'x'\nvif = [ 'y' ]", /list of disk that opens here is never closed/],
    ["disk = «[ 'x',\nvif = [ 'y' ]", /list of disk that opens here is never closed/],
    // Characters.
    ["a«\u00a0= 1", /U\+00A0, which editors do not show/],
    ["a = «\u200b1", /U\+200B/],
    ["a = 1\n«\x7fELF", /U\+007F/],
    ["# c«\ra = 1", /carriage return/],
    ["a = 1«\rb = 2", /carriage return .* without the line feed/],
  ])("%j", (input, message) => {
    const { text, line, column } = marked(input);
    const error = errorOf(() => parseConfigText(text, "guest.cfg"));
    expect(error.code).toBe("CONFIG_SYNTAX");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(new RegExp(`^guest\\.cfg, line ${line}, column ${column}: `));
    expect(error.details).toMatchObject({
      line,
      column,
      found: expect.any(String),
      allowed: expect.any(String),
    });
  });

  test("lists nested too deep", () => {
    const error = errorOf(() => parseConfigText(`a = ${"[".repeat(MAX_LIST_DEPTH + 1)}`));
    expect(error.message).toMatch(/nested more than 32 deep/);
    expect(error.details).toMatchObject({ line: 1, column: 5 + MAX_LIST_DEPTH });
  });

  test("a text beyond the limit", () => {
    expect(parseConfigText("\n".repeat(MAX_CONFIG_LENGTH)).assignments).toEqual([]);
    const error = errorOf(() => parseConfigText("\n".repeat(MAX_CONFIG_LENGTH + 1)));
    expect(error.code).toBe("CONFIG_SYNTAX");
    expect(error.details).toMatchObject({ found: "1048577 characters", allowed: "1048576 characters" });
  });
});
