import { expect, test } from "vitest";
import { type HeaderCheck, headerMismatches, headersMissing } from "../header-check.testing.ts";
import * as block from "./block.ts";
import * as uring from "./io-uring.ts";

const prefixed = (prefix: string, values: Record<string, number>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));

const check: HeaderCheck = {
  includes: [
    "sys/uio.h",
    "sys/syscall.h",
    "linux/io_uring.h",
    "linux/fs.h",
    "linux/falloc.h",
    "linux/fcntl.h",
  ],
  structs: [
    { c: "struct io_sqring_offsets", codec: uring.ioUringSubmissionOffsets },
    { c: "struct io_cqring_offsets", codec: uring.ioUringCompletionOffsets },
    { c: "struct io_uring_params", codec: uring.ioUringParams },
    { c: "struct io_uring_sqe", codec: uring.ioUringSqe },
    { c: "struct io_uring_cqe", codec: uring.ioUringCqe },
    { c: "struct iovec", codec: uring.iovec },
    { c: "struct flock", codec: block.flock },
  ],
  constants: {
    ...prefixed("__NR_io_uring_", uring.ioUringSyscall),
    ...prefixed("IORING_OP_", uring.IORING_OP),
    ...prefixed("IORING_FEAT_", uring.IORING_FEAT),
    ...prefixed("IORING_OFF_", uring.IORING_OFF),
    IORING_FSYNC_DATASYNC: uring.IORING_FSYNC_DATASYNC,
    IORING_REGISTER_EVENTFD: uring.IORING_REGISTER_EVENTFD,
    ...block.blockIoctl,
    ...prefixed("FALLOC_FL_", block.FALLOC_FL),
    ...prefixed("F_", block.F_LOCK),
    F_OFD_SETLK: block.F_OFD_SETLK,
  },
};

test("io_uring, file locks and block devices agree with Linux's headers", (context) => {
  const missing = headersMissing(check, "install linux-libc-dev and a C compiler");
  if (missing !== undefined) context.skip(missing);
  expect(headerMismatches(check)).toEqual([]);
});
