import { fdatasync, readv, writev } from "node:fs";
import { constants } from "node:os";
import type { DiskIo, Done, Piece } from "./disk-io.ts";

/** The same through Node's thread pool, for hosts without io_uring: also without copies, but slower for small requests. */
export function threadIo(fd: number, settled: () => void): DiskIo {
  const finish = (done: Done) => (error: NodeJS.ErrnoException | null, result?: number) => {
    done(error === null ? (result ?? 0) : (error.errno ?? -constants.errno.EIO));
    settled();
  };
  return {
    name: "threads",
    read: (offset, pieces, done) => readv(fd, pieces.map(bytesOf), offset, finish(done)),
    write: (offset, pieces, done) => writev(fd, pieces.map(bytesOf), offset, finish(done)),
    sync: (done) => fdatasync(fd, finish(done)),
    submit: () => undefined,
    close: () => undefined,
  };
}

function bytesOf({ view, at, length }: Piece): Uint8Array {
  return view.bytes.subarray(at, at + length);
}
