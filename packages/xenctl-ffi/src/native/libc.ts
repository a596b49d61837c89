import { readSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import koffi from "koffi";

/** Of the C library: what the Xen libraries are used with. `errno` must be read directly after the call. */
const libc = koffi.load("libc.so.6");

const memfdCreate: (name: string, flags: number) => number = libc.func(
  "int memfd_create(const char *name, uint flags)",
);
const fdopen: (fd: number, mode: string) => bigint | null = libc.func(
  "void *fdopen(int fd, const char *mode)",
);
const fflush: (file: bigint) => number = libc.func("int fflush(void *file)");
const ftruncate: (fd: number, length: number) => number = libc.func("int ftruncate(int fd, int64_t length)");

/** `void *memcpy(void *to, const void *from, size_t size)` */
export const copyTo: (to: bigint, from: Uint8Array, size: number) => unknown = libc.func(
  "void *memcpy(void *to, const void *from, size_t size)",
);

export const copyFrom: (to: Uint8Array, from: bigint, size: number) => unknown = libc.func(
  "memcpy",
  "void *",
  ["void *", "void *", "size_t"],
);

/** `void *memset(void *to, int byte, size_t size)` */
export const fill: (to: bigint, byte: number, size: number) => unknown = libc.func(
  "void *memset(void *to, int byte, size_t size)",
);

export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

export function errno(): number {
  return koffi.errno();
}

export function errnoName(number: number): string {
  return number > 0 ? getSystemErrorName(-number) : `errno ${number}`;
}

/** Longest piece of a library's complaints that an error repeats. */
const LONGEST_TEXT = 4096;

/** A C stream into memory, for libraries that print what went wrong. */
export interface MemoryStream {
  /** `FILE *` */
  readonly file: bigint;
  /** What was printed since the last time. */
  take(): string;
}

/** Undefined when the C library has no memory for it. */
export function memoryStream(name: string): MemoryStream | undefined {
  const fd = memfdCreate(name, 1);
  // Appending: after truncation the next text begins at the start again.
  const file = fd < 0 ? null : fdopen(fd, "a");
  if (file === null || file === 0n) return undefined;
  return {
    file,
    take() {
      fflush(file);
      const bytes = new Uint8Array(LONGEST_TEXT);
      const length = readSync(fd, bytes, 0, bytes.length, 0);
      ftruncate(fd, 0);
      return new TextDecoder().decode(bytes.subarray(0, length)).trim().replaceAll("\n", "; ");
    },
  };
}
