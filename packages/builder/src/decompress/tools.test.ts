import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { PvhError } from "@pvh/errors";
import { describe, expect, type TestContext, test } from "vitest";
import { type Compression, decompress } from "./index.ts";
import { sample } from "./sample.testing.ts";

/** The formats' own tools as the reference. Without a tool its tests are skipped, but never in CI. */
const tools = ["gzip", "bzip2", "xz", "lzop", "lz4", "zstd"] as const;
type Tool = (typeof tools)[number];
const missing = new Set(tools.filter((tool) => spawnSync(tool, ["--version"]).error !== undefined));

function need(tool: Tool, context: TestContext): void {
  if (!missing.has(tool)) return;
  if (process.env.CI === "true") throw new Error(`${tool} is not installed; with CI=true every tool must be`);
  context.skip(`${tool} is not installed`);
}

function pack(tool: Tool, options: string[], input: Uint8Array): Uint8Array {
  return new Uint8Array(
    execFileSync(tool, [...options, "-c"], { input, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "ignore"] }),
  );
}

/** 64-bit x86 machine code, as in a kernel: from the middle of this very program. */
function machineCode(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const file = openSync(process.execPath, "r");
  readSync(file, bytes, 0, size, 40 << 20);
  closeSync(file);
  return bytes;
}

function noise(size: number): Uint8Array {
  let random = 7;
  return Uint8Array.from({ length: size }, () => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return random >>> 24;
  });
}

/** What occurs in a kernel, with more than one block of every format: code, words, a long run, noise. */
const mixed = new Uint8Array(
  Buffer.concat([
    machineCode(700_000),
    sample(),
    new Uint8Array(400_000),
    noise(200_000),
    machineCode(300_000),
  ]),
);
const inputs = { nothing: new Uint8Array(), "one byte": Uint8Array.of(7), mixed };

const settings: [Tool, Compression, string[]][] = [
  ["gzip", "gzip", ["-1"]],
  ["gzip", "gzip", ["-9n"]],
  ["bzip2", "bzip2", ["-1"]],
  ["bzip2", "bzip2", ["-9"]],
  ["xz", "xz", ["-0"]],
  ["xz", "xz", ["-9e"]],
  ["xz", "xz", ["--check=crc32", "--x86", "--lzma2=dict=32MiB"]],
  ["xz", "xz", ["--check=sha256", "--x86=start=4096", "--lzma2=preset=1,lc=0,lp=2,pb=0"]],
  ["xz", "xz", ["--check=none", "--block-size=100000"]],
  ["xz", "xz", ["-T2", "--block-size=300000"]],
  ["xz", "xz", ["--lzma2=preset=6,dict=64KiB,lc=4,lp=0,pb=4"]],
  ["xz", "lzma", ["--format=lzma", "-9"]],
  ["xz", "lzma", ["--format=lzma", "--lzma1=lc=0,lp=4,pb=0,dict=4KiB"]],
  ["lzop", "lzo", ["-1"]],
  ["lzop", "lzo", ["-9"]],
  ["lzop", "lzo", ["-9", "--crc32"]],
  ["lzop", "lzo", ["-9", "--no-checksum"]],
  ["lz4", "lz4", ["-l", "-1"]],
  ["lz4", "lz4", ["-l", "-9"]],
  ["lz4", "lz4", ["-9"]],
  ["lz4", "lz4", ["-9", "-B4", "-BD", "-BX", "--no-frame-crc"]],
  ["zstd", "zstd", ["--ultra", "-22"]],
  ["zstd", "zstd", ["-1", "--no-check"]],
  ["zstd", "zstd", ["-9", "--no-compress-literals"]],
  ["zstd", "zstd", ["--fast=5"]],
];

describe.for(settings)("%s makes %s with %j", ([tool, compression, options]) => {
  test.for(Object.entries(inputs))("of %s", ([, plain], context) => {
    need(tool, context);
    const packed = pack(tool, options, plain);
    const { length } = plain;
    for (const bounds of [{ size: length, limit: length }, { limit: 1 << 24 }]) {
      expect(Buffer.from(plain).equals(decompress(compression, packed, bounds))).toBe(true);
    }
  });
});

const largeOptions: ["xz" | "zstd" | "lz4", string[]][] = [
  ["lz4", ["-l"]],
  ["xz", ["-1", "--lzma2=preset=0,dict=64MiB"]],
  ["zstd", ["--long=27", "-3"]],
  ["zstd", ["--long=27", "-3", "--stream-size=36700160"]],
];

test.for(largeOptions)("%s of 35 MiB with equal ends, made with %j", ([tool, options], context) => {
  need(tool, context);
  const end = noise(1 << 20);
  const plain = Buffer.concat([end, Buffer.alloc(33 << 20), end]);
  const packed = pack(tool, options, plain);
  // The second end is a match of the first, but for lz4, where this makes several blocks.
  if (tool !== "lz4") expect(packed.length).toBeLessThan(1.5 * end.length);
  expect(plain.equals(decompress(tool, packed, { limit: plain.length }))).toBe(true);
});

test("zstd blocks that use tables of earlier ones", (context) => {
  need("zstd", context);
  const words = [
    "pvh ",
    "guest ",
    "kernel ",
    "of a domain ",
    "page ",
    "frame\n",
    "Xen ",
    "0x",
    "12",
    "ff",
    "e8",
  ];
  const text = Buffer.from(Array.from(noise(150_000), (byte) => words[byte % words.length]).join(""));
  for (const level of ["-1", "-5", "-19"]) {
    const packed = pack("zstd", [level], text);
    expect(text.equals(decompress("zstd", packed, { limit: text.length }))).toBe(true);
  }
});

test("damaged Huffman codes of zstd are noticed without a checksum", (context) => {
  need("zstd", context);
  // Letters that differ much in how often they occur, so that code lengths do.
  const text = Buffer.from(noise(3000).map((byte) => 0x61 + Math.clz32(byte | 1) - 24 + (byte % 3)));
  const packed = pack("zstd", ["-9", "--no-check"], text);
  const seen = new Map<string | undefined, number>();
  for (let bit = 0; bit < 8 * 600; bit++) {
    const damaged = packed.slice();
    damaged[bit >>> 3] = (damaged[bit >>> 3] as number) ^ (1 << (bit & 7));
    try {
      decompress("zstd", damaged, { limit: text.length });
    } catch (error) {
      if (!(error instanceof PvhError)) throw error;
      seen.set(error.details.field, (seen.get(error.details.field) ?? 0) + 1);
    }
  }
  expect(seen.get("zstd Huffman tree")).toBeGreaterThan(5);
  // Where a code became shorter or longer, the stream does not end where it should.
  expect(seen.get("zstd literal stream")).toBeGreaterThan(500);
});

test("xz with the x86 filter, where every byte could be an opcode or a sign", (context) => {
  need("xz", context);
  const plain = noise(60_000).map((byte) => [0xe8, 0xe9, 0x00, 0xff, 0x01, 0xe8][byte % 6] as number);
  // Opcodes at every distance from the end of a block, where the filter stops.
  for (const block of [5, 6, 7, 8, 997]) {
    const input = plain.subarray(0, 100 * block);
    const packed = pack("xz", [`--block-size=${block}`, "-T1", "--x86", "--lzma2=preset=0"], input);
    expect(Buffer.from(input).equals(decompress("xz", packed, { limit: input.length }))).toBe(true);
  }
});

test("lzma with matches farther than its header says is refused", (context) => {
  need("xz", context);
  const plain = new Uint8Array(Buffer.concat([noise(10_000), noise(10_000)]));
  const packed = pack("xz", ["--format=lzma"], plain);
  expect(Buffer.from(plain).equals(decompress("lzma", packed, { limit: 20_000 }))).toBe(true);
  new DataView(packed.buffer).setUint32(1, 4096, true);
  expect(() => decompress("lzma", packed, { limit: 20_000 })).toThrow(/LZMA match distance .* is 10000/);
});

test.for([
  [["--delta", "--lzma2"], "0x3"],
  [["--arm", "--lzma2"], "0x7"],
  [["--x86", "--x86", "--lzma2"], "0x4"],
] as const)("xz with the filters %j is refused by name", ([options, id], context) => {
  need("xz", context);
  const packed = pack("xz", [...options], sample());
  expect(() => decompress("xz", packed, { limit: 1 << 20 })).toThrow(
    new RegExp(`filter [12] id at offset 0x\\w+ is ${id}; allowed is only x86`),
  );
});

test.for(tools)("large data of %s damaged anywhere are refused or right", (tool, context) => {
  need(tool, context);
  const compression = tool === "lzop" ? "lzo" : tool;
  const packed = pack(tool, ["-3"], mixed);
  for (let i = 0; i < 40; i++) {
    const damaged = packed.slice();
    const at = Math.floor((packed.length * (i + 0.5)) / 40);
    damaged[at] = (damaged[at] as number) ^ (1 << (i & 7));
    try {
      expect(Buffer.from(mixed).equals(decompress(compression, damaged, { limit: 1 << 22 }))).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PvhError);
    }
  }
});
