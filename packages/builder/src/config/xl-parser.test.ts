import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deviceText } from "./device-texts.testing.ts";
import { type DiskConfig, parseDisk } from "./disk.ts";
import { parseRate } from "./rate.ts";
import { type XlParser, xlParser } from "./xl-parser.testing.ts";

const xl = xlParser();
const missing = typeof xl === "string";
const read: XlParser = (kind, texts) => (missing ? [] : xl(kind, texts));

type Disk = Omit<DiskConfig, "trusted">;

/** libxl_disk_format, by its numbers. */
const formats: Readonly<Record<string, DiskConfig["format"]>> = {
  1: "qcow",
  2: "qcow2",
  3: "vhd",
  4: "raw",
  6: "qed",
};
/** LIBXL_DISK_BACKEND_QDISK; without a choice libxl takes it for what is not raw. */
const QDISK = "3";

/** What xl reads, in our words; undefined when it refuses. */
function diskOf(line: string): Disk | undefined {
  if (line === "refused") return undefined;
  const [target, vdev, script, domain, backend, number = "", writable, cdrom, direct, discard] =
    line.split(" ");
  expect([script, domain]).toEqual(["-", "-"]);
  const format = formats[number];
  if (format === undefined) throw new Error(`xl reads format ${number}`);
  return {
    target: textOf(target),
    format,
    vdev: textOf(vdev),
    access: writable === "1" ? "w" : "r",
    devtype: cdrom === "1" ? "cdrom" : "disk",
    direct_io_safe: direct === "1",
    discard: discard === "1",
    ...(backend === QDISK || format !== "raw" ? { backendtype: "qdisk" } : {}),
  };
}

function textOf(hex = ""): string {
  return Buffer.from(hex.slice(1), "hex").toString();
}

function ours(text: string): Disk | undefined {
  try {
    const { trusted, ...disk } = parseDisk(text);
    return disk;
  } catch {
    return undefined;
  }
}

/** Texts that say a disk we have: the four values with and without names, flags and prefixes between. */
const goodText = fc
  .record({
    target: fc.constantFrom("/a", "/dev/vg/x", "vg/y", "a.img", "host:x"),
    prefix: fc.constantFrom("", "", "phy:", "tap:aio:", "file:"),
    format: fc.constantFrom("", "raw", "qcow", "qcow2", "qed", "vhd"),
    vdev: fc.constantFrom("xvda", "sda1", "hdc:cdrom", "xvdb:disk", "51712"),
    access: fc.constantFrom("", "r", "ro", "w", "rw"),
    flags: fc.subarray(["direct-io-safe", "discard", "backendtype=qdisk", "specification=xen"]),
    named: fc.subarray(["format", "access", "target"]),
    blank: fc.constantFrom("", " ", "\t "),
    front: fc.boolean(),
  })
  .filter(({ vdev, access }) => !(vdev.endsWith(":cdrom") && access.includes("w")))
  .map(({ target, prefix, format, vdev, access, flags, named, blank, front }) => {
    const has = (name: string) => named.includes(name);
    const places = [
      ...(has("target") ? [] : [`${prefix}${target}`]),
      // A prefix takes the place of the format.
      ...(has("format") || (prefix !== "" && !has("target")) ? [] : [format]),
      vdev,
      ...(has("access") ? [] : [access]),
    ];
    const names = [
      ...(has("format") ? [`format=${format}`] : []),
      ...(has("access") ? [`access=${access}`] : []),
    ];
    // Without a target in front, a name must give it before the places are filled.
    const first = has("target") ? [""] : [];
    const parts = front
      ? [...flags, ...names, ...first, ...places]
      : [...names, ...first, ...places, ...flags];
    return [...parts, ...(has("target") ? [`target=${target},x=y`] : [])].join(`,${blank}`);
  });

describe.skipIf(missing)(`against xl's own library${missing ? ` (${xl})` : ""}`, () => {
  test("what is a disk to us is the same disk to xl", () => {
    // The library of Debian 12 knows no (un)trusted, and an empty backendtype is an error to it.
    const texts = fc
      .sample(deviceText, { numRuns: 20_000, seed: 4 })
      .filter((text) => !text.includes("\0") && !/trusted|backendtype=(?:,|$)/.test(text));
    const lines = read("d", texts);
    let count = 0;
    texts.forEach((text, i) => {
      const disk = ours(text);
      if (disk === undefined) return;
      count += 1;
      expect([text, diskOf(lines[i] ?? "")]).toEqual([text, disk]);
    });
    expect(count).toBeGreaterThan(50);
  });

  test("disks in every notation are disks to both", () => {
    const texts = fc.sample(goodText, { numRuns: 3000, seed: 5 });
    const lines = read("d", texts);
    texts.forEach((text, i) => {
      expect([text, ours(text)]).toEqual([text, diskOf(lines[i] ?? "")]);
      expect([text, ours(text)]).not.toContain(undefined);
    });
  });

  test("what is a rate to us is the same rate to xl", () => {
    const part = (...words: string[]) => fc.constantFrom(...words);
    const texts = fc.sample(
      fc
        .tuple(
          fc.oneof(fc.nat(100_000), part("4294967295", "0", "007")),
          part("b/s", "Kb/s", "Mb/s", "Gb/s", "B/s", "KB/s", "MB/s", "GB/s", "/s", "mb/s"),
          part("", "@", "@1s", "@20ms", "@999us", "@50", "@50000000us"),
        )
        .map((parts) => parts.join("")),
      { numRuns: 3000, seed: 6 },
    );
    const lines = read("r", texts);
    let count = 0;
    texts.forEach((text, i) => {
      const rate = parseRate(text);
      if (rate === undefined) return;
      count += 1;
      expect([text, lines[i]]).toEqual([text, `${rate.bytes} ${rate.microseconds}`]);
    });
    expect(count).toBeGreaterThan(500);
  });
});
