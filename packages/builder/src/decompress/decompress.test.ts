import { crc32, gzipSync } from "node:zlib";
import { PvhError } from "@pvh/errors";
import { describe, expect, test } from "vitest";
import { type Bounds, type Compression, decompress, detectCompression, payloadSize } from "./index.ts";
import { sample } from "./sample.testing.ts";
import { vectors } from "./vectors.testing.ts";

const plain = sample();
const size = plain.length;
const packed = Object.entries(vectors).map(
  ([compression, base64]) => [compression as Compression, fromBase64(base64)] as const,
);

function fromBase64(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

function errorOf(compression: Compression, input: Uint8Array, bounds: Bounds): PvhError {
  try {
    decompress(compression, input, bounds);
  } catch (error) {
    if (error instanceof PvhError) return error;
    throw error;
  }
  throw new Error(`${compression} was accepted`);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe.each(packed)("%s", (compression, input) => {
  test("decompresses with a known size, and without one", () => {
    expect(decompress(compression, input, { size, limit: size })).toEqual(plain);
    expect(decompress(compression, input, { limit: 1 << 20 })).toEqual(plain);
    expect(decompress(compression, input, { limit: size })).toEqual(plain);
  });

  test("decompresses a view that is not aligned", () => {
    const shifted = concat(Uint8Array.of(1, 2, 3), input, Uint8Array.of(4)).subarray(3, 3 + input.length);
    expect(decompress(compression, shifted, { size, limit: size })).toEqual(plain);
  });

  test("is detected", () => {
    expect(detectCompression(input)).toBe(compression);
  });

  test("names found and allowed when the size is wrong", () => {
    const longer = errorOf(compression, input, { size: size + 1, limit: 1 << 20 });
    expect(longer.code).toBe("KERNEL_COMPRESSION");
    expect(longer.details).toMatchObject({ found: size, allowed: `exactly ${size + 1}` });
    const shorter = errorOf(compression, input, { size: size - 1, limit: 1 << 20 });
    expect(shorter.code).toBe("KERNEL_COMPRESSION");
    expect(shorter.details.allowed).toBe(`exactly ${size - 1}`);
    expect(String(shorter.details.found)).toMatch(/^at least \d+$/);
  });

  test("stops at the limit", () => {
    for (const limit of [0, 1, size - 1]) {
      const error = errorOf(compression, input, { limit });
      expect(error.code).toBe("KERNEL_TOO_LARGE");
      expect(error.details.allowed).toBe(limit);
      expect(error.message).toContain(`limit of ${limit} bytes`);
    }
    expect(errorOf(compression, input, { size, limit: size - 1 }).details).toMatchObject({ found: size });
  });

  test("refuses every truncation", () => {
    for (let end = 0; end < input.length; end++) {
      const error = errorOf(compression, input.subarray(0, end), { size, limit: size });
      expect(error.code).toBe("KERNEL_COMPRESSION");
      expect(error.details.offset).toBeLessThanOrEqual(end);
    }
  });

  test("refuses bytes that follow the data", () => {
    const error = errorOf(compression, concat(input, Uint8Array.of(7)), { limit: 1 << 20 });
    expect(error.code).toBe("KERNEL_COMPRESSION");
    expect(error.details.offset).toBeGreaterThanOrEqual(input.length);
  });

  test("decompresses parts that follow one another, if the format has such", () => {
    const twice = concat(input, input);
    if (compression === "lzma") {
      expect(errorOf(compression, twice, { limit: 2 * size }).code).toBe("KERNEL_COMPRESSION");
      return;
    }
    expect(decompress(compression, twice, { size: 2 * size, limit: 2 * size })).toEqual(concat(plain, plain));
    expect(decompress(compression, twice, { limit: 2 * size })).toEqual(concat(plain, plain));
    expect(errorOf(compression, twice, { limit: 2 * size - 1 }).code).toBe("KERNEL_TOO_LARGE");
  });
});

/** What a flipped bit somewhere in the vector is noticed by, besides. */
const noticedBy: [Compression, string[]][] = [
  ["gzip", ["magic", "method", "flags", "deflate block type", "deflate match distance", "CRC32", "ISIZE"]],
  ["gzip", ["deflate stored block inverted size", "deflate literal code", "deflate distance code"]],
  [
    "bzip2",
    [
      "magic",
      "level",
      "block magic",
      "block CRC32",
      "origin pointer",
      "symbol",
      "stream CRC32",
      "selector",
      "code length",
    ],
  ],
  ["xz", ["stream header magic", "stream header CRC32", "block header CRC32", "LZMA2 control byte"]],
  [
    "xz",
    [
      "LZMA2 properties",
      "LZMA2 range coder start",
      "LZMA match distance",
      "LZMA data size",
      "LZMA2 chunk end",
    ],
  ],
  ["xz", ["block CRC32", "index padding", "index CRC32", "stream footer CRC32", "stream footer magic"]],
  ["lzma", ["range coder start", "LZMA match distance", "end of data", "decompressed size"]],
  ["lzo", ["magic", "header checksum", "block size", "literal run", "match length", "match distance"]],
  ["lzo", ["block data Adler-32", "block's decompressed size", "end marker"]],
  ["lz4", ["magic", "block", "literal length", "match distance", "decompressed size"]],
  ["zstd", ["magic", "dictionary id", "block type", "block size", "content checksum", "offset"]],
  ["zstd", ["sequence modes", "sequence bits", "literal length", "literals", "offset table"]],
];

test.each(noticedBy)("a flipped bit in %s is noticed by %j, where it matters", (compression, fields) => {
  const input = fromBase64(vectors[compression as keyof typeof vectors]);
  const seen = new Set<string | undefined>();
  for (let bit = 0; bit < 8 * input.length; bit++) {
    const damaged = input.slice();
    damaged[bit >>> 3] = (damaged[bit >>> 3] as number) ^ (1 << (bit & 7));
    try {
      decompress(compression, damaged, { size, limit: size });
      seen.add("nothing");
    } catch (error) {
      if (!(error instanceof PvhError)) throw error;
      seen.add(error.details.field);
    }
  }
  // Each bit of an xz file counts.
  if (compression === "xz") expect(seen).not.toContain("nothing");
  expect([...seen]).toEqual(expect.arrayContaining(fields.map((field) => `${compression} ${field}`)));
});

test("an ELF file comes back as it is", () => {
  const elf = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2);
  expect(detectCompression(elf)).toBe("none");
  expect(decompress("none", elf, { limit: 5 })).toBe(elf);
  expect(errorOf("none", elf, { limit: 4 }).code).toBe("KERNEL_TOO_LARGE");
  expect(errorOf("none", elf, { size: 4, limit: 9 }).code).toBe("KERNEL_COMPRESSION");
});

test("what begins like no known format is not detected", () => {
  for (const bytes of [[], [0x1f], [0x7f, 0x45, 0x4c], [0xfd, 0x37, 0x7a, 0x58, 0x5a]]) {
    expect(detectCompression(Uint8Array.from(bytes))).toBeUndefined();
  }
});

test("the size word is split off where Linux appends it", () => {
  const payload = Uint8Array.of(9, 9, 0x78, 0x56, 0x34, 0xf2);
  expect(payloadSize("xz", payload)).toEqual({ size: 0xf2345678, body: Uint8Array.of(9, 9) });
  expect(payloadSize("gzip", payload)).toEqual({ size: undefined, body: payload });
  expect(payloadSize("none", payload)).toEqual({ size: undefined, body: payload });
  expect(() => payloadSize("xz", payload.subarray(0, 3))).toThrow(/size word at offset 0x0 is 3 bytes/);
});

describe("gzip", () => {
  const gzip = fromBase64(vectors.gzip);

  test("a bomb is stopped while it is inflated", () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(64 << 20)));
    const before = process.memoryUsage().arrayBuffers;
    const error = errorOf("gzip", bomb, { limit: 1 << 20 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 << 20);
    expect(error.code).toBe("KERNEL_TOO_LARGE");
    expect(error.details.found).toMatch(/^at least 1048\d{3}$/);
  });

  test("a lying ISIZE neither allocates nor passes", () => {
    const lying = gzip.slice();
    lying.fill(0xff, lying.length - 4);
    const before = process.memoryUsage().arrayBuffers;
    const error = errorOf("gzip", lying, { limit: 2 ** 31 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    expect(error.details).toMatchObject({ field: "gzip ISIZE", offset: gzip.length - 4, allowed: size });
  });

  test("an honest ISIZE makes the output as large as the data, without growing", () => {
    const { buffer } = decompress("gzip", gzip, { limit: 1 << 20 });
    expect(buffer.byteLength).toBe(size + 258);
  });

  test("zeros may follow to the end, and nothing after them", () => {
    const zeros = new Uint8Array(512);
    expect(decompress("gzip", concat(gzip, zeros), { limit: size })).toEqual(plain);
    expect(errorOf("gzip", concat(gzip, zeros, gzip), { limit: 2 * size }).details.field).toBe(
      "gzip padding",
    );
  });

  test("optional header fields are skipped", () => {
    const fields = Uint8Array.from([...[2, 0, 7, 7], ...Buffer.from("name\0"), ...Buffer.from("comment\0")]);
    const withFields = concat(gzip.subarray(0, 10), fields, gzip.subarray(10));
    withFields[3] = 4 | 8 | 16;
    expect(decompress("gzip", withFields, { limit: size })).toEqual(plain);
  });
});

describe("xz", () => {
  const xz = fromBase64(vectors.xz);

  test("stream padding is a multiple of four zeros", () => {
    const padded = concat(xz, new Uint8Array(8), xz, new Uint8Array(4));
    expect(decompress("xz", padded, { limit: 2 * size })).toEqual(concat(plain, plain));
    const error = errorOf("xz", concat(xz, new Uint8Array(3)), { limit: size });
    expect(error.message).toBe(
      `The xz payload is damaged or unsupported: stream padding at offset 0x${xz.length.toString(16)} is 3 bytes; allowed is a multiple of 4.`,
    );
  });

  test.each([2, 3, 0x7f, 0x80, 0xa0, 0xc0])("a block can not begin with LZMA2 control byte %i", (control) => {
    const damaged = xz.slice();
    expect(damaged[24]).toBe(0xe0);
    damaged[24] = control;
    expect(errorOf("xz", damaged, { size, limit: size }).details).toMatchObject({
      field: "xz LZMA2 control byte",
      offset: 24,
      found: control,
    });
  });

  test("LZMA data after a raw chunk must bring properties", () => {
    const raw = Uint8Array.of(1, 0, 0, 0x41);
    const withRaw = concat(xz.subarray(0, 24), raw, xz.subarray(24));
    withRaw[28] = 0xa0;
    expect(errorOf("xz", withRaw, { limit: 1 << 20 }).details).toMatchObject({
      field: "xz LZMA2 control byte",
      offset: 28,
      allowed: "one that sets properties: 192 to 255",
    });
  });

  test("the index must say what the blocks say, even if its own checksum is right", () => {
    const index = xz.length - 12 - 12;
    for (const [at, field] of [
      [1, "record count"],
      [2, "record 0 unpadded size"],
      [4, "record 0 uncompressed size"],
    ] as const) {
      const damaged = xz.slice();
      damaged[index + at] = (damaged[index + at] as number) ^ 2;
      const view = new DataView(damaged.buffer);
      view.setUint32(index + 8, crc32(damaged.subarray(index, index + 8)), true);
      const { details } = errorOf("xz", damaged, { size, limit: size });
      expect(details).toMatchObject({ field: `xz index ${field}`, offset: index + at });
    }
  });

  test("data that do not fit their checksum are refused", () => {
    const damaged = xz.slice();
    // The last word before the index is the block's CRC32; the index and the footer take 12 bytes each.
    const at = xz.length - 12 - 12 - 4;
    damaged[at] = (damaged[at] as number) ^ 1;
    expect(errorOf("xz", damaged, { size, limit: size }).details).toMatchObject({
      field: "xz block CRC32",
      offset: at,
    });
  });
});

describe("lzma", () => {
  const lzma = fromBase64(vectors.lzma);

  function withSize(bytes: Uint8Array, declared: number): Uint8Array {
    const copy = bytes.slice();
    new DataView(copy.buffer).setBigUint64(5, BigInt(declared), true);
    return copy;
  }

  test("the header may have the size, with a marker after the data", () => {
    expect(decompress("lzma", withSize(lzma, size), { limit: 1 << 20 })).toEqual(plain);
    expect(errorOf("lzma", withSize(lzma, size), { size: size - 1, limit: 1 << 20 }).details).toMatchObject({
      found: `at least ${size}`,
    });
  });

  test("a match before all data is refused", () => {
    const header = lzma.subarray(0, 13);
    for (const first of [0xff, 0xb0]) {
      const bits = new Uint8Array(20).fill(first);
      bits[0] = 0;
      expect(errorOf("lzma", concat(header, bits), { limit: 100 }).details.field).toBe(
        "lzma LZMA match distance",
      );
    }
  });

  test("data that go on after the header's size, or end before it, are refused", () => {
    expect(errorOf("lzma", withSize(lzma, size - 1), { limit: 1 << 20 }).details).toMatchObject({
      field: "lzma LZMA data size",
      found: "more than declared",
    });
    expect(errorOf("lzma", withSize(lzma, size + 1), { limit: 1 << 20 }).details.field).toBe(
      "lzma LZMA end marker",
    );
  });
});

describe("zstd", () => {
  /** A frame of 10 bytes whose one block has these bytes. */
  function frame(...block: number[]): Uint8Array {
    const header = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 10, (block.length << 3) | 5, 0, 0];
    return Uint8Array.from([...header, ...block]);
  }
  const literalA = [0x08, 0x61];
  /** One symbol for each of literal lengths, offsets and match lengths. */
  const rleModes = 0x54;

  test("a sequence copies a literal, then a match", () => {
    // Offset symbol 2 is 4 to 7 with two bits: 0 makes distance 1. Match length symbol 6 is 9.
    expect(decompress("zstd", frame(...literalA, 1, rleModes, 1, 2, 6, 0b100), { limit: 10 })).toEqual(
      new Uint8Array(10).fill(0x61),
    );
  });

  test("an offset may have more bits than a word has after the ones that were taken", () => {
    const blocks = 768;
    const before = blocks << 17;
    // A window of 128 MiB, RLE blocks of 128 KiB, the first one not zero, and a match of 131 bytes that begins there.
    const frame = Buffer.alloc(6 + 4 * blocks + 14);
    frame.set([0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3]);
    for (let i = 0; i < blocks; i++) frame.set([2, 0, 16, i === 0 ? 1 : 0], 6 + 4 * i);
    // Offset symbol 26 with its highest bit set, then 7 bits for the match length's symbol 43.
    frame.set([(11 << 3) | 5, 0, 0, 0, 1, rleModes, 0, 26, 43, 0, 0, 0, 0, 3], 6 + 4 * blocks);
    const result = decompress("zstd", new Uint8Array(frame), { limit: before + 131 });
    expect(result.length).toBe(before + 131);
    expect(result.subarray(before - 1)).toEqual(
      Uint8Array.from({ length: 132 }, (_, i) => (i === 0 ? 0 : 1)),
    );
  });

  test.each([
    ["sequence bits", [...literalA, 1, rleModes, 1, 31, 6, 1]],
    ["sequence bits", [...literalA, 1, rleModes, 1, 2, 6, 0b1000]],
    ["offset", [...literalA, 1, rleModes, 1, 2, 6, 0b101]],
    ["offset", [...literalA, 1, rleModes, 0, 1, 6, 0b11]],
    ["literal length", [...literalA, 1, rleModes, 2, 2, 6, 0b100]],
    ["block's decompressed size", [...literalA, 1, rleModes, 1, 2, 7, 0b100]],
    ["match length symbol", [...literalA, 1, rleModes, 1, 2, 53, 0b100]],
    ["offset mode", [...literalA, 1, 0x70, 1, 2, 6, 0b100]],
    ["literals type", [0x13, 0x40, 0x00, 0x61, 0]],
    ["literals size", [0x59, 0x61, 0]],
  ])("a wrong %s is refused", (field, block) => {
    expect(errorOf("zstd", frame(...block), { limit: 100 }).details.field).toBe(`zstd ${field}`);
  });
});
