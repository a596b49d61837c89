/** The errors a request can end with; their names go over the wire (`xsd_errors` in public/io/xs_wire.h). */
export type StoreErrno =
  | "EINVAL"
  | "EACCES"
  | "EEXIST"
  | "ENOENT"
  | "ENOMEM"
  | "ENOSPC"
  | "EIO"
  | "ENOSYS"
  | "EBUSY"
  | "EAGAIN"
  | "E2BIG"
  | "EPERM";

/** A request that the store refuses. It is part of the protocol, so requests turn it into their reply. */
export class StoreError extends Error {
  readonly errno: StoreErrno;

  constructor(errno: StoreErrno, message: string = errno) {
    super(message);
    this.name = "StoreError";
    this.errno = errno;
  }
}
