import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIBXC_RECORD, LIBXL_RECORD } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readHead } from "./head.ts";
import { leastRecords, libxcHeaders, pageData, record, savedFile, streams } from "./saved.testing.ts";
import { bytesSource, fileSource, type SavedSource } from "./source.ts";
import { checkStream, encodeStreamEnd, STREAM_HEAD_SIZE } from "./stream.ts";

const FRAMES = 0x100000;
const [staticEnd, , context, params, end] = leastRecords as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

function outcome(source: SavedSource, start = 0): string {
  try {
    checkStream(source, start, FRAMES);
    return "right";
  } catch (error) {
    // Anything else is a defect of the reader.
    if (error instanceof PvhError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const withPages = (body: Uint8Array) =>
  streams({ records: [staticEnd, record(LIBXC_RECORD.PAGE_DATA, body), context, params, end] });

/** A record of that type that says that it has so many bytes. */
function oversized(type: number, length: number): Uint8Array {
  const bytes = Uint8Array.from(record(type, new Uint8Array(8)));
  new DataView(bytes.buffer).setUint32(4, length, true);
  return bytes;
}

test("a stream is walked to its end, whatever follows", () => {
  const bytes = streams();
  expect(checkStream(bytesSource(bytes), 0, FRAMES)).toEqual({ start: STREAM_HEAD_SIZE, pages: 2 });
  expect(outcome(bytesSource(Buffer.concat([bytes, Buffer.from("more")])))).toBe("right");
});

test("the older version, and records that may be skipped", () => {
  const older = streams({ headers: libxcHeaders({ version: 2 }), records: leastRecords.slice(1) });
  expect(outcome(bytesSource(older))).toBe("right");
  const optional = record(0x80000099, new Uint8Array(5));
  expect(
    outcome(
      bytesSource(
        streams({ records: [optional, ...leastRecords], end: Buffer.concat([optional, encodeStreamEnd()]) }),
      ),
    ),
  ).toBe("right");
});

test("every shorter file is refused as truncated", () => {
  const bytes = streams();
  for (const length of [
    ...Array(400).keys(),
    ...Array.from({ length: 400 }, (_, i) => bytes.length - 1 - i),
  ]) {
    expect(outcome(bytesSource(bytes.subarray(0, length))), `${length} bytes`).toMatch(/^SAVED_TRUNCATED/);
  }
});

test.each<[string, Uint8Array, RegExp]>([
  ["no stream", new Uint8Array(64), /^SAVED_FORMAT.*no stream of libxl;/],
  ["no memory", Buffer.concat([streams().subarray(0, 16), encodeStreamEnd()]), /^SAVED_FORMAT.*no memory/],
  ["no libxenguest", streams({ headers: new Uint8Array(40) }), /^SAVED_FORMAT.*no stream of libxenguest;/],
  [
    "the memory twice",
    streams({ end: Buffer.concat([record(LIBXL_RECORD.LIBXC_CONTEXT), streams()]) }),
    /^SAVED_FORMAT.*twice/,
  ],
  ["a later libxl", streams({ end: record(77) }), /^SAVED_VERSION.*record of libxl of type 77/],
  ["a device model", streams({ end: record(LIBXL_RECORD.EMULATOR_CONTEXT) }), /^SAVED_FORMAT.*device model/],
  [
    "a later libxenguest",
    streams({ headers: libxcHeaders({ version: 4 }) }),
    /^SAVED_VERSION.*version 4.*2 and 3 are read/,
  ],
  ["a PV domain", streams({ headers: libxcHeaders({ type: 1 }) }), /^SAVED_FORMAT.*PV domain/],
  [
    "a record of PV",
    streams({ records: [record(2), ...leastRecords] }),
    /^SAVED_VERSION.*libxenguest of type 2,/,
  ],
  [
    "no vCPUs",
    streams({ records: leastRecords.filter((one) => one !== context) }),
    /^SAVED_FORMAT.*no vCPUs/,
  ],
  [
    "no parameters",
    streams({ records: leastRecords.filter((one) => one !== params) }),
    /^SAVED_FORMAT.*no parameters/,
  ],
  [
    "no end of static data",
    streams({ records: leastRecords.slice(1) }),
    /^SAVED_FORMAT.*no end of its static data/,
  ],
  [
    "an endless record",
    streams({ records: [oversized(LIBXC_RECORD.HVM_CONTEXT, 0xffffffff)] }),
    /^SAVED_FORMAT.*4294967295 bytes/,
  ],
  ["no frames", withPages(new Uint8Array(8)), /^SAVED_FORMAT.*0 frames/],
  ["an empty record of frames", withPages(new Uint8Array()), /^SAVED_FORMAT.*0 frames/],
  ["fewer frames than counted", withPages(pageData({ frame: 1 }).subarray(0, 12)), /^SAVED_FORMAT.*12 bytes/],
  [
    "a page too few",
    withPages(pageData({ frame: 1 }, { frame: 2 }).subarray(0, 4120)),
    /^SAVED_FORMAT.*4120 bytes instead of 8216/,
  ],
  ["memory far above", withPages(pageData({ frame: 2 ** 40 })), /^SAVED_FORMAT.*frame 0x10000000000, above/],
  ["memory just above", withPages(pageData({ frame: FRAMES })), /^SAVED_FORMAT.*frame 0x100000, above/],
  ["a frame to be made above", withPages(pageData({ frame: FRAMES, type: 0xe })), /^SAVED_FORMAT.*above/],
])("refused: %s", (_what, bytes, sentence) => {
  expect(outcome(bytesSource(bytes))).toMatch(sentence);
});

test("holes may be anywhere", () => {
  expect(outcome(bytesSource(withPages(pageData({ frame: 1 }, { frame: 2 ** 40, type: 0xf }))))).toBe(
    "right",
  );
});

test("hostile bytes are read in bounds, and refused with a code or right", () => {
  const whole = streams();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      let largest = 0;
      const source = bytesSource(bytes);
      outcome({
        size: source.size,
        read(offset, size) {
          largest = Math.max(largest, size);
          return source.read(offset, size);
        },
      });
      return largest <= 64 << 10;
    }),
  );
});

test("a file is read at its place, and its own position stays", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvh-saved-"));
  const file = join(folder, "saved");
  writeFileSync(file, savedFile());
  const fd = openSync(file, "r");
  try {
    const source = fileSource(fd);
    const head = readHead(source);
    expect(checkStream(source, head.end, FRAMES)).toEqual({
      start: head.end + STREAM_HEAD_SIZE,
      pages: 2,
    });
    expect(outcome({ ...source, size: source.size + 8 }, head.end)).toBe("right");
    expect(() => source.read(source.size - 4, 8)).toThrow(/The file ends/);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
