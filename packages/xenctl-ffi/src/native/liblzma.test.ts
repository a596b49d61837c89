import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { decodeXz } from "./liblzma.ts";

const text = Buffer.from("what is packed comes out again ".repeat(1000));
const noXz = spawnSync("xz", ["--version"]).error !== undefined;
if (noXz && process.env.CI === "true") throw new Error("xz is not installed; with CI=true it must be");

test.skipIf(noXz)("a stream gives just what is in it, or nothing is said of it", () => {
  const packed = execFileSync("xz", ["--check=crc32", "--x86", "--lzma2=dict=1MiB"], { input: text });
  const output = new Uint8Array(text.length);
  expect(decodeXz(packed, output)).toBe(true);
  expect(Buffer.from(output).equals(text)).toBe(true);
  const damaged = Buffer.from(packed);
  damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);
  for (const [input, size] of [
    [packed, text.length - 1],
    [packed, text.length + 1],
    [packed.subarray(0, -1), text.length],
    [Buffer.concat([packed, Buffer.alloc(4)]), text.length],
    [damaged, text.length],
    [Buffer.alloc(0), text.length],
  ] as const) {
    expect(decodeXz(input, new Uint8Array(size))).toBe(false);
  }
});
