import { fstatSync, readSync } from "node:fs";
import { endsEarly } from "./problems.ts";

/** Bytes of a saved domain by their place. */
export interface SavedSource {
  /** Bytes in all. */
  readonly size: number;
  /** All that many bytes from there on; SAVED_TRUNCATED when they are not there. Good until the next call. */
  read(offset: number, size: number): Uint8Array;
}

/** Headers of records stand between megabytes of memory or directly beside each other: one reading does for the latter. */
const WINDOW = 64 << 10;

/** A regular file, whose position is left where it is. */
export function fileSource(fd: number): SavedSource {
  const { size } = fstatSync(fd);
  const buffer = Buffer.alloc(WINDOW);
  let start = 0;
  let length = 0;
  return {
    size,
    read(offset, wanted) {
      if (offset + wanted > size) throw endsEarly("contents", offset, size);
      if (wanted > WINDOW) return readAll(fd, Buffer.alloc(wanted), offset, size);
      if (offset < start || offset + wanted > start + length) {
        length = readAll(fd, buffer.subarray(0, Math.min(WINDOW, size - offset)), offset, size).length;
        start = offset;
      }
      return buffer.subarray(offset - start, offset - start + wanted);
    },
  };
}

function readAll(fd: number, bytes: Buffer, offset: number, size: number): Buffer {
  for (let length = 0; length < bytes.length; ) {
    const read = readSync(fd, bytes, length, bytes.length - length, offset + length);
    // It has become shorter since.
    if (read === 0) throw endsEarly("contents", offset + length, size);
    length += read;
  }
  return bytes;
}

/** What is in memory already. */
export function bytesSource(bytes: Uint8Array): SavedSource {
  return {
    size: bytes.length,
    read(offset, wanted) {
      if (offset + wanted > bytes.length) throw endsEarly("contents", offset, bytes.length);
      return bytes.subarray(offset, offset + wanted);
    },
  };
}
