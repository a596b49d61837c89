import { gzipSync, zstdCompressSync } from "node:zlib";
import type { PvhError } from "@pvh/errors";
import { expect, test } from "vitest";
import { buildBzImage, buildElf, concat, text, u64 } from "./elf.testing.ts";
import { linuxClassic } from "./kernels.testing.ts";
import { unpackKernel } from "./unpack.ts";

const elf = buildElf(linuxClassic);
const gzipped = gzipSync(elf);
const bzImage = buildBzImage({ payload: gzipped });

function failure(file: Uint8Array, limits?: { maxUnpacked: number }): PvhError {
  try {
    unpackKernel(file, limits);
  } catch (error) {
    return error as PvhError;
  }
  return expect.fail("no error");
}

test("an ELF file comes back as the same view", () => {
  expect(unpackKernel(elf).elf).toBe(elf);
  expect(unpackKernel(elf)).toMatchObject({ format: "elf", compression: "none" });
});

test.each([
  ["bzImage", "gzip", bzImage],
  ["bzImage", "zstd", buildBzImage({ payload: zstdCompressSync(elf), sizeWord: elf.length })],
  ["bzImage", "none", buildBzImage({ payload: elf })],
  ["bzImage", "gzip", buildBzImage({ payload: gzipped, setupSects: 39 })],
  ["bzImage", "gzip", buildBzImage({ payload: gzipped, setupSects: 4, setupSectsField: 0 })],
  ["bzImage", "gzip", buildBzImage({ payload: gzipped, version: 0x0208 })],
  ["gzip-elf", "gzip", gzipped],
  ["zstd-elf", "zstd", zstdCompressSync(elf)],
  ["gzip-bzImage", "gzip", gzipSync(bzImage)],
])("%s with %s (%#)", (format, compression, file) => {
  const kernel = unpackKernel(file);
  expect(kernel).toMatchObject({ format, compression });
  expect(Buffer.from(kernel.elf).equals(elf)).toBe(true);
});

test("a file that is a view into a larger buffer", () => {
  const larger = concat([new Uint8Array(13), bzImage, new Uint8Array(5)]);
  const kernel = unpackKernel(larger.subarray(13, 13 + bzImage.length));
  expect(Buffer.from(kernel.elf).equals(elf)).toBe(true);
});

test("one layer around a bzImage is opened, two are not", () => {
  const twice = gzipSync(gzipped);
  expect(failure(twice)).toMatchObject({
    code: "KERNEL_FORMAT",
    message: expect.stringMatching(
      /The gzip data of the kernel file holds compressed data once more; .* compressed once/,
    ),
  });
});

test.each([
  [
    buildBzImage({ payload: gzipped, version: 0x0207 }),
    "KERNEL_BZIMAGE",
    "version",
    /boot protocol 2\.07; .* from 2\.08/,
  ],
  [buildBzImage({ payload: gzipped, payloadLength: 0 }), "KERNEL_BZIMAGE", "payload_length", /no bytes/],
  [
    buildBzImage({ payload: gzipped, payloadLength: 1 << 30 }),
    "KERNEL_TRUNCATED",
    "payload_length",
    /takes 0x40000000 bytes/,
  ],
  [
    buildBzImage({ payload: gzipped, payloadOffset: -1 }),
    "KERNEL_TRUNCATED",
    "payload_length",
    /offset 0x1000009ff, but the file ends/,
  ],
  [bzImage.subarray(0, 0x24f), "KERNEL_TRUNCATED", "setup_header", /takes 0x250 bytes/],
  [bzImage.subarray(0, bzImage.length - 100), "KERNEL_TRUNCATED", "payload_length", /but the file ends/],
  [
    buildBzImage({ payload: text("not compressed") }),
    "KERNEL_COMPRESSION",
    "payload",
    /begins with 6e 6f 74 20/,
  ],
  [
    buildBzImage({ payload: zstdCompressSync(elf), sizeWord: elf.length - 1 }),
    "KERNEL_COMPRESSION",
    "",
    /zstd/,
  ],
  [
    buildBzImage({ payload: zstdCompressSync(elf), sizeWord: 0xffffffff }),
    "KERNEL_TOO_LARGE",
    "",
    /4294967295/,
  ],
  [
    buildBzImage({ payload: gzipSync(text("hello")) }),
    "KERNEL_FORMAT",
    "",
    /The gzip payload of the kernel file holds no known format; the first bytes are 68 65 6c 6c 6f 00/,
  ],
] as const)("bad bzImage %#", (file, code, field, message) => {
  const error = failure(file);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  if (field !== "") expect(error.details.field).toBe(field);
});

test("the limit holds for payload and wrapper, and bombs do not get past it", () => {
  const limits = { maxUnpacked: elf.length - 1 };
  for (const file of [
    bzImage,
    gzipped,
    buildBzImage({ payload: zstdCompressSync(elf), sizeWord: elf.length }),
  ]) {
    expect(failure(file, limits).code).toBe("KERNEL_TOO_LARGE");
  }
  const bomb = gzipSync(new Uint8Array(64 << 20));
  const before = process.memoryUsage().arrayBuffers;
  expect(failure(bomb, { maxUnpacked: 1 << 20 }).code).toBe("KERNEL_TOO_LARGE");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
  expect(unpackKernel(bzImage, { maxUnpacked: elf.length }).elf).toHaveLength(elf.length);
});

const padded = (...parts: Uint8Array[]) => concat([...parts, new Uint8Array(0x400).fill(0x90)]);
const at = (offset: number, bytes: Uint8Array, head = "MZ") => {
  const file = new Uint8Array(0x400).fill(0x90);
  file.set(text(head).subarray(0, head.length));
  file.set(bytes, offset);
  return file;
};
const words = (...values: number[]) => concat(values.map((value) => u64(value).subarray(0, 4)));

test.each([
  [new Uint8Array(), /The kernel file is empty; right would be an ELF kernel \(vmlinux\), a bzImage/],
  [at(4, text("zimg")), /an EFI zboot kernel/],
  [
    at(0x38, Uint8Array.of(0x41, 0x52, 0x4d, 0x64)),
    /an arm64 Linux kernel \(Image\); right would be a kernel for x86/,
  ],
  [at(0x38, Uint8Array.of(0x52, 0x53, 0x43, 0x05)), /a RISC-V Linux kernel/],
  [
    at(0x3c, words(0x80)),
    /a PE\/EFI program without a Linux setup header; .* objcopy .*--only-section=\.linux/,
  ],
  [padded(Uint8Array.of(0x27, 0x05, 0x19, 0x56)), /U-Boot image \(uImage\)/],
  [padded(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed)), /device tree/],
  [
    padded(text("070701000000")),
    /a cpio archive, so an initramfs; right would be a kernel here, and this file as ramdisk/,
  ],
  [padded(text("#!/bin/sh")), /a script/],
  [padded(Uint8Array.of(0x51, 0x46, 0x49, 0xfb)), /a qcow2 disk image/],
  [padded(text("!<arch>\ndebian-binary")), /a Debian package/],
  [
    padded(new Uint8Array(64), words(0x1badb002, 3, 0x100000000 - 0x1badb002 - 3)),
    /a multiboot kernel without ELF header/,
  ],
  [padded(new Uint8Array(64), words(0x336ec578, 3, 0x100000000 - 0x336ec578 - 3)), /a Xen multiboot binary/],
  [new TextEncoder().encode("kernel = /boot/vmlinuz\n"), /a text file/],
  [padded(Uint8Array.of(0xfe, 0xed, 0xbe, 0xef)), /no known format; the first bytes are fe ed be ef 90/],
])("other formats are named, %#", (file, message) => {
  expect(failure(file)).toMatchObject({
    code: "KERNEL_FORMAT",
    message: expect.stringMatching(message),
    details: { offset: 0, found: expect.any(String), allowed: expect.any(String) },
  });
});

test("a compressed initramfs in the kernel's place is named", () => {
  expect(failure(gzipSync(text("070701 and so on"))).message).toMatch(
    /The gzip data of the kernel file holds a cpio archive, so an initramfs/,
  );
});

test("a magic without its checksum is no multiboot header", () => {
  expect(failure(padded(words(0x1badb002, 3, 4))).message).toMatch(/no known format/);
});

test("a quicker decoder is asked first, within the limit, and what it does not take is left to ours", () => {
  const file = buildBzImage({ payload: zstdCompressSync(elf), sizeWord: elf.length });
  const asked: number[] = [];
  const quick = (result: Uint8Array | undefined) => ({
    zstd: (_input: Uint8Array, size: number) => {
      asked.push(size);
      return result;
    },
  });
  const own = Uint8Array.from(elf);
  expect(unpackKernel(file, { decoders: quick(own) }).elf).toBe(own);
  expect(unpackKernel(file, { decoders: quick(undefined) }).elf).toEqual(elf);
  expect(unpackKernel(bzImage, { decoders: quick(own) }).elf).toEqual(elf);
  expect(asked).toEqual([elf.length, elf.length]);
  expect(() => unpackKernel(file, { decoders: quick(own), maxUnpacked: elf.length - 1 })).toThrow(/limit/);
  expect(asked).toHaveLength(2);
});
