import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepUnpacked, readUnpacked, unpackedPath } from "./unpacked-files.ts";

let dir: string;
let cache: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvh-unpacked-"));
  cache = join(dir, "kernels");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (file: string) => readFileSync(file, "utf8");

function packed(name: string, contents = name): string {
  writeFileSync(join(dir, name), contents);
  return unpackedPath(join(dir, name), cache) ?? expect.fail();
}

test("what was kept is found again, until the file is written to", () => {
  const file = packed("vmlinuz");
  expect(readUnpacked(file, read)).toBeUndefined();
  keepUnpacked(cache, file, bytes("unpacked"));
  expect(readUnpacked(packed("other"), read)).toBeUndefined();
  expect(readUnpacked(unpackedPath(join(dir, "vmlinuz"), cache) ?? "", read)).toBe("unpacked");
  // The same size and modification time: the inode's change tells.
  writeFileSync(join(dir, "vmlinuz"), "VMLINUZ");
  utimesSync(join(dir, "vmlinuz"), 1, 1);
  expect(unpackedPath(join(dir, "vmlinuz"), cache)).not.toBe(file);
});

test("what cannot be read is as good as not there, and no name is made for what is no file", () => {
  const file = packed("vmlinuz");
  keepUnpacked(cache, file, bytes("damaged"));
  const fails = () => {
    throw new Error("not an ELF file");
  };
  expect(readUnpacked(file, fails)).toBeUndefined();
  expect(unpackedPath(dir, cache)).toBeUndefined();
  expect(unpackedPath(join(dir, "absent"), cache)).toBeUndefined();
});

test("the oldest go when there are many, and no half file stays", () => {
  for (let i = 0; i < 20; i++) {
    const file = packed(`kernel-${i}`);
    keepUnpacked(cache, file, bytes(`${i}`));
    utimesSync(file, i, i);
  }
  const kept = readdirSync(cache).map((name) => Number(read(join(cache, name))));
  expect(kept.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i + 4));
});

test("a cache that cannot be written costs nothing but the time", () => {
  const file = packed("vmlinuz");
  writeFileSync(cache, "in the way");
  expect(() => keepUnpacked(cache, file, bytes("unpacked"))).not.toThrow();
});
