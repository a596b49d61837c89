import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { errorOf, minimal } from "./config.testing.ts";
import { deviceText } from "./device-texts.testing.ts";
import { parseDisk } from "./disk.ts";
import { parseGuestConfig } from "./parse-guest-config.ts";
import { validateGuestConfig } from "./validate.ts";
import { parseVif } from "./vif.ts";

const readers = [
  ["disk", parseDisk],
  ["vif", parseVif],
] as const;

const anyOptions = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "target",
      "vdev",
      "format",
      "access",
      "devtype",
      "discard",
      "mac",
      "rate",
      "mtu",
      "devid",
    ),
    fc.constantFrom("ip", "model", "script", "__proto__", "constructor"),
    fc.string(),
  ),
  fc.oneof(fc.jsonValue(), fc.constantFrom("xvda", "/a", "raw", "ro", "cdrom", "10Mb/s", "2:0:0:0:0:1")),
);

/** What came out, after a check that what was thrown is ours and says where and what. */
function outcome<T>(field: string, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PvhError)) throw error;
    expect(error.code).toMatch(/^CONFIG_(INVALID|KEY_UNSUPPORTED)$/);
    expect(error.message.isWellFormed()).toBe(true);
    expect(error.message.length).toBeLessThan(600);
    expect(error.details.field).toMatch(new RegExp(`^${field}`));
    return undefined;
  }
}

test.each(readers)(
  "no text and no object makes %s fail in another way than with its own errors",
  (name, read) => {
    const anything = fc.oneof(
      deviceText,
      deviceText,
      anyOptions,
      fc.string({ unit: "binary" }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(anything, (input) => {
        const device = outcome(name, () => read(input));
        if (device === undefined) return;
        // What comes out is complete: it is taken again, and stays as it is.
        expect(read(JSON.parse(JSON.stringify(device)))).toEqual(device);
      }),
      { numRuns: 3000 },
    );
  },
);

test("a list of them in a config gives devices, or an error that points at one", () => {
  const lists = fc.array(fc.oneof(deviceText, anyOptions), { maxLength: 4 });
  fc.assert(
    fc.property(lists, lists, (disk, vif) => {
      const body = { name: "g", type: "pvh", kernel: "k", disk, vif };
      const config = outcome("(disk|vif)\\[\\d\\]", () => validateGuestConfig(body));
      if (config === undefined) return;
      expect(config.disk).toHaveLength(disk.length);
      expect(new Set(config.vif.map(({ devid }) => devid)).size).toBe(vif.length);
      expect(validateGuestConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }),
    { numRuns: 1000 },
  );
});

test("a caret stands where the device's text has what is wrong", () => {
  const plain = deviceText.filter((text) => !/["'\\\n\r\0]/.test(text));
  fc.assert(
    fc.property(plain, (text) => {
      const alone = outcome("disk", () => parseDisk(text));
      if (alone !== undefined) return;
      const error = errorOf(() => parseGuestConfig(`${minimal}disk = ["${text}"]`));
      const line = `disk = ["${text}"]`;
      const { line: row, column = 0, field } = error.details;
      expect(row).toBe(4);
      expect(column).toBeGreaterThanOrEqual([...'disk = ["'].length);
      expect(column).toBeLessThanOrEqual([...line].length - 1);
      expect(field).toMatch(/^disk\[0\]/);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["commas", ","],
  ["blanks", " "],
  ["prefixes", "phy:"],
  ["colons", ":"],
  ["names", "a="],
  ["options", "mtu=1500,"],
  ["letters", "x"],
  ["digits", "9"],
  ["targets", "target="],
  ["at signs", "rate=1@"],
])("a long text of %s takes time in proportion to its length", (_, unit) => {
  // Quadratic work on so much text takes minutes, longer than any test may.
  const text = unit.repeat(1_000_000 / unit.length);
  for (const [name, read] of readers) {
    outcome(name, () => read(text));
    outcome(name, () => read(`vdev=${text}`));
    outcome(name, () => read(`mac=${text}`));
    outcome(name, () => read(`ip=${text}`));
    outcome(name, () => read({ target: "/a", vdev: text, mac: text, rate: text, ip: text }));
  }
});
