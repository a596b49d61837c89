import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { concat, text } from "./elf.testing.ts";
import { unpackRamdisk } from "./ramdisk.ts";

const archive = concat([text("070701"), Uint8Array.from({ length: 50_000 }, (_, i) => (i * i) >> 5)]);
const gzipped = new Uint8Array(gzipSync(archive));

test("one gzip stream is unpacked", () => {
  expect(unpackRamdisk(gzipped)).toEqual(archive);
});

const damaged = gzipped.slice();
damaged[gzipped.length >> 1] = (damaged[gzipped.length >> 1] ?? 0) ^ 0xff;
const lying = gzipped.slice();
new DataView(lying.buffer).setUint32(lying.length - 4, 0x3fffffff, true);

test.each([
  ["raw cpio", archive],
  ["zstd", new Uint8Array(zstdCompressSync(archive))],
  ["two gzip streams, of which libxc would lose one", concat([gzipped, gzipped])],
  ["microcode before gzip", concat([text("070701"), gzipped])],
  ["damaged gzip", damaged],
  ["truncated gzip", gzipped.subarray(0, -9)],
  ["a size that lies", lying],
  ["only the magic", Uint8Array.of(0x1f, 0x8b)],
  ["empty", new Uint8Array()],
])("the guest gets it as it is: %s", (_, file) => {
  expect(unpackRamdisk(file)).toBe(file);
});

test("what would exceed the limit stays packed, without being unpacked first", () => {
  expect(unpackRamdisk(gzipped, { maxUnpacked: archive.length - 1 })).toBe(gzipped);
  expect(unpackRamdisk(gzipped, { maxUnpacked: archive.length })).toEqual(archive);
  const before = process.memoryUsage().arrayBuffers;
  expect(unpackRamdisk(lying)).toBe(lying);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
});
