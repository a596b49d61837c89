import { describe, expect, test } from "vitest";
import { errorOf, marked, minimal, pointedAt } from "./config.testing.ts";
import { parseOverride } from "./overrides.ts";
import { parseGuestConfig } from "./parse-guest-config.ts";

test.each([
  ["name=x", "=", "string", "x"],
  ["name=", "=", "string", ""],
  ['name="x y"', "=", "string", "x y"],
  ["name='x'", "=", "string", "x"],
  [' name = "x" ', "=", "string", "x"],
  ["name = x y ", "=", "string", "x y"],
  ["extra=console=hvc0 root=/dev/xvda1", "=", "string", "console=hvc0 root=/dev/xvda1"],
  ['extra=dyndbg="file a.c +p"', "=", "string", 'dyndbg="file a.c +p"'],
  ["extra=a;b # c", "=", "string", "a;b # c"],
  ["extra=C:\\x", "=", "string", "C:\\x"],
  ["extra+= quiet", "+=", "string", " quiet"],
  ['extra += " quiet"', "+=", "string", " quiet"],
  ["memory=64", "=", "string", "64"],
])("%s", (argument, operator, kind, text) => {
  expect(parseOverride(argument)).toMatchObject({ operator, value: { kind, text } });
});

test("a list is read as in a file", () => {
  expect(parseOverride('disk=["a", 1]').value).toMatchObject({
    kind: "list",
    items: [
      { kind: "string", text: "a" },
      { kind: "number", text: "1" },
    ],
  });
});

describe("what is refused", () => {
  test.each<[string, RegExp]>([
    ["«memory", /must be key=value/],
    ["«", /must be key=value/],
    ["«=x", /= stands where a key must be/],
    ["«Name=x", /write name$/],
    ["«on-crash=restart", /write on_crash$/],
    ["name «x=y", /after the key name stands "x"/],
    ['name=«"x', /no closing "/],
    ['name="x" «y', /"y" follows/],
    ["disk=[«a]", /"a" of disk is not quoted: quote it/],
    ["disk=«[", /never closed/],
  ])("%j", (input, message) => {
    const { text, column } = marked(input);
    const error = errorOf(() => parseOverride(text));
    expect(error.code).toBe("CONFIG_SYNTAX");
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`argument "${text}", column ${column}: `)).toBe(true);
    expect(error.details).toMatchObject({ line: 1, column });
  });
});

describe("beside a file", () => {
  const parse = (text: string, ...overrides: string[]) =>
    parseGuestConfig(text, { filename: "guest.cfg", overrides });

  test("an argument wins over the file, and the last over the others", () => {
    expect(parse(`${minimal}memory = 64`, "memory=128").memory).toBe(128);
    expect(parse(minimal, "memory=0x80", "memory=256").memory).toBe(256);
    expect(parse(minimal.replace('"pvh"', '"pv"'), "type=pvh").type).toBe("pvh");
    expect(parse(minimal, 'kernel="/other"').kernel).toBe("/other");
    expect(parse(`${minimal}disk = ["/a,,xvda"]`, "disk=[]").disk).toEqual([]);
  });

  test("+= adds to the file's text", () => {
    expect(parse(`${minimal}extra = "console=hvc0"`, "extra+= quiet", "extra+= debug").extra).toBe(
      "console=hvc0 quiet debug",
    );
    expect(parse(minimal, "extra+=quiet").extra).toBe("quiet");
  });

  test("one device needs no brackets, and += adds one", () => {
    const targets = (...overrides: string[]) =>
      parse(`${minimal}disk = ["/a,,xvda"]`, ...overrides).disk.map(({ target }) => target);
    expect(targets("disk=/b,raw,xvdb")).toEqual(["/b"]);
    expect(targets("disk+=/b,raw,xvdb", 'disk+=["/c,,xvdc"]')).toEqual(["/a", "/b", "/c"]);
    expect(parse(minimal, "vif=").vif).toEqual([{ devid: 0 }]);
    const error = errorOf(() => parse(minimal, "disk=/b,raw,xvdB"));
    expect(error.message).toMatch(/^argument "disk=\/b,raw,xvdB", column 13: disk\[0\]: vdev is "xvdB"/);
  });

  test("arguments alone are enough", () => {
    expect(parse("", "name=g", "pvh=1", "kernel=k", "memory=64")).toMatchObject({
      name: "g",
      pvh: true,
      memory: 64,
    });
  });

  test("a wrong value is shown in its argument", () => {
    const error = errorOf(() => parse(`${minimal}memory = 64`, "vcpus=1", "memory=64M"));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(
      /^argument "memory=64M", column 8: memory is "64M"; it must be a whole number/,
    );
    expect(error.details).toMatchObject({
      field: "memory",
      line: 1,
      column: 8,
      excerpt: "memory=64M\n       ^",
    });
    expect(pointedAt(errorOf(() => parse(minimal, "memry=64")))).toBe("m");
    const sum = errorOf(() => parse(`${minimal}memory = 64`, "memory+=64"));
    expect(sum.message).toMatch(/\+= adds to texts and lists only, and memory is of type integer/);
  });
});
