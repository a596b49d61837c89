import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readKernel, readRamdisk } from "./boot-files.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvh-boot-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function file(bytes: Uint8Array): string {
  const path = join(dir, "file");
  writeFileSync(path, bytes);
  return path;
}

test("a gzip ramdisk is unpacked when the guest's memory could hold it, and else stays as it is", () => {
  const plain = new Uint8Array(100_000).fill(7);
  const packed = gzipSync(plain);
  expect(readRamdisk(file(packed), plain.length)).toEqual(plain);
  expect(readRamdisk(file(packed), plain.length - 1)).toEqual(new Uint8Array(packed));
});

test("a ramdisk that is larger than the guest's memory is refused", () => {
  expect(() => readRamdisk(file(new Uint8Array(4097)), 4096)).toThrow(
    /ramdisk: .* has 4097 bytes; at most 4096/,
  );
});

test("a file that is no kernel is refused by what it is", () => {
  expect(() => readKernel(file(new TextEncoder().encode("hello, world\n")))).toThrow(/text file/);
});
