import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorOf, minimal } from "./config.testing.ts";
import { GuestConfig, type GuestConfigInput } from "./guest-config.ts";
import { parseGuestConfig } from "./parse-guest-config.ts";
import { MAX_CONFIG_LENGTH, parseConfigText } from "./parser.ts";
import { validateGuestConfig } from "./validate.ts";

const keys = Object.keys(GuestConfig.shape);

const anyMac = fc
  .array(fc.nat(255), { minLength: 5, maxLength: 5 })
  .map((bytes) => `02:${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`);

/** Texts made of what the language is made of: far more of them get past the first token than of random ones. */
const likelyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "=",
        "+=",
        "[",
        "]",
        ",",
        ";",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "#",
        '"',
        "'",
        "\\",
        "\\x4",
        "\\303",
      ),
      fc.constantFrom(
        ...keys,
        "disk",
        "vif",
        "Name",
        "True",
        "64M",
        "0x10",
        "089",
        "\ufeff",
        "\0",
        "é",
        "😀",
      ),
      fc.constantFrom(
        '"pvh"',
        '"g"',
        "1",
        "name = 'g'\n",
        "type='pvh';",
        "kernel = 'k'\n",
        "[[",
        "]]",
        '"64"',
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

/** A config, or the error after a check that it is one of ours and points into the text. */
function outcome(run: () => unknown, text?: string): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof PvhError)) throw error;
    expect(error.code).toMatch(/^CONFIG_/);
    expect(error.message.isWellFormed()).toBe(true);
    const { line, column, excerpt } = error.details;
    if (line === undefined || text === undefined) return;
    const lines = text.replace(/^\ufeff/, "").split("\n");
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual([...(lines[line - 1] ?? "")].length + 1);
    expect(excerpt?.split("\n")).toHaveLength(2);
  }
}

test("no text makes the reader fail in any other way than with its own errors", () => {
  const text = fc.oneof(likelyText, fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(text, (input) => {
      outcome(() => parseGuestConfig(input, { filename: "guest.cfg" }), input);
      outcome(() => parseGuestConfig(minimal + input), minimal + input);
    }),
    { numRuns: 3000 },
  );
});

test("no argument does either", () => {
  fc.assert(
    fc.property(fc.array(likelyText, { maxLength: 3 }), fc.constantFrom(...keys), (values, key) => {
      outcome(() => parseGuestConfig(minimal, { overrides: values }));
      outcome(() => parseGuestConfig(minimal, { overrides: values.map((value) => `${key}=${value}`) }));
    }),
    { numRuns: 1000 },
  );
});

test("no JSON body does either", () => {
  const anyKey = fc.oneof(fc.constantFrom(...keys, "p9", "__proto__"), fc.string());
  const least = { name: "g", type: "pvh", kernel: "k" };
  fc.assert(
    fc.property(fc.jsonValue(), fc.dictionary(anyKey, fc.jsonValue()), (value, body) => {
      outcome(() => validateGuestConfig(value));
      outcome(() => validateGuestConfig({ ...least, ...body }));
    }),
    { numRuns: 1000 },
  );
});

/** Any way of writing a text as a literal. */
function literal(text: string, style: number): string {
  const quote = style % 2 === 0 ? '"' : "'";
  const body = Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (char === quote || char === "\\") return `\\${char}`;
    if (char === "\n") return "\\n";
    if (char === "\r") return "\\r";
    if (code >= 0x20 && style % 3 !== 0) return char;
    const bytes = [...new TextEncoder().encode(char)];
    return bytes
      .map((byte) =>
        style % 5 < 3 ? `\\x${byte.toString(16).padStart(2, "0")}` : `\\${byte.toString(8).padStart(3, "0")}`,
      )
      .join("");
  });
  return `${quote}${body.join("")}${quote}`;
}

function numeral(value: number, style: number): string {
  const forms = [`${value}`, `0x${value.toString(16)}`, `0${value.toString(8)}`, `"${value}"`];
  return forms[style % forms.length] ?? `${value}`;
}

function written(value: unknown, style: number): string {
  if (typeof value === "string") return literal(value, style);
  if (Array.isArray(value)) return `[${value.map((item) => written(item, style)).join(", ")}]`;
  return numeral(value === true ? 1 : Number(value), style);
}

const anyText = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\0"));
const someText = anyText.filter((text) => text !== "");
const action = fc.constantFrom("destroy" as const, "restart" as const);
const anyConfig: fc.Arbitrary<GuestConfigInput> = fc
  .record(
    {
      name: someText.filter((name) => GuestConfig.shape.name.safeParse(name).success),
      type: fc.constant("pvh" as const),
      kernel: someText,
      pvh: fc.constant(true as const),
      uuid: fc.uuid(),
      ramdisk: someText,
      cmdline: anyText,
      root: anyText,
      extra: anyText,
      memory: fc.integer({ min: 1, max: 16 * 1024 * 1024 }),
      vcpus: fc.integer({ min: 1, max: 4 }),
      maxvcpus: fc.integer({ min: 4, max: 32 }),
      disk: fc
        .uniqueArray(fc.constantFrom("xvda", "sda", "hdc1", "d7p9"), { maxLength: 4 })
        .chain((vdevs) =>
          fc.tuple(...vdevs.map((vdev) => someText.map((path) => `vdev=${vdev},target=/${path}/`))),
        ),
      vif: fc.uniqueArray(
        anyMac.map((mac) => `mac=${mac}`),
        { maxLength: 3 },
      ),
      max_grant_frames: fc.integer({ min: 1, max: 256 }),
      max_event_channels: fc.integer({ min: 8, max: 4095 }),
      on_poweroff: action,
      on_reboot: action,
      on_watchdog: action,
      on_crash: action,
      platform: fc.constantFrom("auto" as const, "xen" as const, "bare" as const),
      pvh_abi: fc.constantFrom("direct" as const, "classic" as const),
    },
    { requiredKeys: ["name", "type", "kernel"] },
  )
  .map((config) => ({ ...config }));

test("a config that is written as xl.cfg text, in any notation, is read as the same config", () => {
  const style = fc.nat(29);
  const separator = fc.constantFrom("\n", "\r\n", " ; ", " # comment\n", "\n\n\t");
  fc.assert(
    fc.property(anyConfig, style, separator, (config, style, separator) => {
      const lines = Object.entries(config).map(
        ([key, value], index) => `${key} = ${written(value, style + index)}`,
      );
      const expected = validateGuestConfig(config);
      expect(parseGuestConfig(lines.join(separator))).toEqual(expected);
      expect(parseGuestConfig("", { overrides: lines })).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

describe("hostile texts take time in proportion to their length", () => {
  const fill = (unit: string, length: number) =>
    unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
  const shapes: [string, (length: number) => string][] = [
    ["brackets", (length) => `a = ${fill("[", length)}`],
    ["lists", (length) => fill("a=[[],[]];", length)],
    ["one list", (length) => `a = [${fill("1,", length)}`],
    ["one open text", (length) => `a = "${fill("x", length)}`],
    ["one text of escapes", (length) => `a = "${fill("\\x41\\n\\'", length)}`],
    ["quotes", (length) => `a = ${fill("'\"", length)}`],
    ["backslashes", (length) => `a = "${fill("\\\\", length)}`],
    ["lines", (length) => `${fill("\n", length)}@`],
    ["comments", (length) => fill("# x\n", length)],
    ["one line of keys", (length) => fill("a=1;", length)],
    ["keys that add to a list", (length) => fill("disk+=['a'];", length)],
    ["keys that add to a text", (length) => fill("extra+='a';", length)],
    ["blanks", (length) => `a =${fill(" ", length)}`],
    ["one bare word", (length) => `a = ${fill("x", length)}`],
    ["plus signs", (length) => `a = ${fill("+", length)}`],
    ["a long key", (length) => fill("a", length)],
    ["a long number", (length) => `memory = ${fill("9", length)}`],
    ["unknown keys", (length) => Array.from({ length: length / 10 }, (_, index) => `k${index}=1`).join("\n")],
  ];

  test.each(shapes)("%s", (_, shape) => {
    // Quadratic work on so much text takes minutes, longer than any test may.
    const text = shape(MAX_CONFIG_LENGTH - 16);
    outcome(() => parseGuestConfig(text));
  });

  test("the tree of a text of the greatest length is still made", () => {
    const count = Math.floor(MAX_CONFIG_LENGTH / 4);
    expect(parseConfigText("a=1;".repeat(count)).assignments).toHaveLength(count);
    expect(errorOf(() => parseGuestConfig("a=1;".repeat(count))).message).toMatch(/again on line 1/);
  });
});
