import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { availableMemory } from "./host/memory.ts";
import { readInputFile } from "./input-files.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvh-input-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a pipe without a writer is refused, not waited for", () => {
  const path = join(dir, "pipe");
  execFileSync("mkfifo", [path]);
  expect(() => readInputFile("kernel", path, 100)).toThrow(/not a regular file/);
});

test.each(["/dev/zero", "/dev/tty", "/dev/ptmx"])("the device %s is refused without being opened", (path) => {
  const link = join(dir, "link");
  symlinkSync(path, link);
  // Opening a terminal fails in a process that has none, so that this message shows that it was not tried.
  expect(() => readInputFile("ramdisk", link, 100)).toThrow(/not a regular file/);
});

const enough = availableMemory().bytes > 4 * 2 ** 30;

test.runIf(enough)("a file is read whole that is longer than one call can read", { timeout: 30_000 }, () => {
  const path = join(dir, "long");
  const size = 2 ** 31 + 4096;
  const fd = openSync(path, "w");
  writeSync(fd, "end", size - 3);
  closeSync(fd);
  const bytes = readInputFile("ramdisk", path, 2 ** 32);
  expect(bytes.length).toBe(size);
  expect(new TextDecoder().decode(bytes.subarray(-3))).toBe("end");
});

test("an empty file is refused, not taken for no file", () => {
  const path = join(dir, "empty");
  closeSync(openSync(path, "w"));
  expect(() => readInputFile("ramdisk", path, 100)).toThrow(/ramdisk: .* is empty/);
});

test("a file that is longer than the limit is not read", () => {
  const path = join(dir, "long");
  closeSync(openSync(path, "w"));
  truncateSync(path, 2 ** 40);
  expect(() => readInputFile("kernel", path, 2 ** 30)).toThrow(/at most 1073741824/);
});
