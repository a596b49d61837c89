import type { RamView } from "../../guest-memory.ts";

/** A stretch of guest memory. */
export interface Piece {
  readonly view: RamView;
  /** The first byte in the view. */
  readonly at: number;
  /** Bytes. */
  readonly length: number;
}

/** Bytes moved, or a negative error number. */
export type Done = (result: number) => void;

/**
 * How an open image is read and written. Operations run in any order; each `done` is called once, on the event loop or
 * within {@link DiskIo.submit}, never within the call that asks for it. They may move less than was asked for.
 */
export interface DiskIo {
  /** What does it, for people. */
  readonly name: "io_uring" | "threads";
  /** Image to memory. `offset` in bytes. */
  read(offset: number, pieces: readonly Piece[], done: Done): void;
  /** Memory to image. */
  write(offset: number, pieces: readonly Piece[], done: Done): void;
  /** Puts what has been written on stable storage. */
  sync(done: Done): void;
  /** Starts what has been asked for. */
  submit(): void;
  /** Nothing may be running. */
  close(): void;
}

/** What a queue needs of a disk. */
export interface ServedDisk {
  readonly io: DiskIo;
  readonly limits: DiskLimits;
  /** Gives a range, in bytes, back to the host; as the operations of `io`. */
  discard(offset: number, length: number, done: Done): void;
}

/** What requests may do with a disk. */
export interface DiskLimits {
  /** Of 512 bytes. */
  readonly sectors: number;
  readonly readonly: boolean;
  readonly discard: boolean;
}

/** What is left of `pieces` after their first `bytes`. */
export function piecesAfter(pieces: readonly Piece[], bytes: number): Piece[] {
  const rest: Piece[] = [];
  let skip = bytes;
  for (const { view, at, length } of pieces) {
    if (skip < length) rest.push({ view, at: at + skip, length: length - skip });
    skip = Math.max(0, skip - length);
  }
  return rest;
}
