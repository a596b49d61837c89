import { gzipSync } from "node:zlib";
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

  test.skipIf(compression === "lzma")("decompresses parts that follow one another", () => {
    const twice = concat(input, input);
    expect(decompress(compression, twice, { size: 2 * size, limit: 2 * size })).toEqual(concat(plain, plain));
    expect(decompress(compression, twice, { limit: 2 * size })).toEqual(concat(plain, plain));
    expect(errorOf(compression, twice, { limit: 2 * size - 1 }).code).toBe("KERNEL_TOO_LARGE");
  });
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
