import { expect, test } from "vitest";
import { type CpioEntry, cpio } from "../../hosts/cpio.ts";

/** A reader written from the format's description alone: name, mode, device and data of each record. */
function read(archive: Uint8Array) {
  const bytes = Buffer.from(archive);
  const records: { name: string; mode: number; rdev: [number, number]; data: string }[] = [];
  for (let at = 0; ; ) {
    expect(at % 4).toBe(0);
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number) =>
      Number.parseInt(bytes.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, major, minor, nameSize] = [
      field(1),
      field(6),
      field(9),
      field(10),
      field(11),
    ] as const;
    const name = bytes.toString("utf8", at + 110, at + 110 + nameSize - 1);
    expect(bytes[at + 110 + nameSize - 1]).toBe(0);
    const data = at + Math.ceil((110 + nameSize) / 4) * 4;
    if (name === "TRAILER!!!") {
      expect(data + size).toBe(bytes.length);
      return records;
    }
    records.push({ name, mode, rdev: [major, minor], data: bytes.toString("utf8", data, data + size) });
    at = data + Math.ceil(size / 4) * 4;
  }
}

test("every kind of entry, with data of every length modulo 4", () => {
  const files = ["", "a", "ab", "abc", "abcd"].map(
    (data, index): CpioEntry => ({ path: `f${index}`, kind: "file", data }),
  );
  const records = read(
    cpio([
      { path: "dev", kind: "dir" },
      { path: "dev/console", kind: "char", major: 5, minor: 1, mode: 0o600 },
      { path: "init", kind: "file", data: "#!", mode: 0o755 },
      { path: "sh", kind: "link", target: "bin/busybox" },
      ...files,
    ]),
  );
  expect(records.slice(0, 4)).toEqual([
    { name: "dev", mode: 0o040755, rdev: [0, 0], data: "" },
    { name: "dev/console", mode: 0o020600, rdev: [5, 1], data: "" },
    { name: "init", mode: 0o100755, rdev: [0, 0], data: "#!" },
    { name: "sh", mode: 0o120777, rdev: [0, 0], data: "bin/busybox" },
  ]);
  expect(records.slice(4).map(({ data }) => data)).toEqual(["", "a", "ab", "abc", "abcd"]);
});
