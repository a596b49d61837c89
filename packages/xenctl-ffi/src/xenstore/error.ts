import { PvhError } from "@pvh/errors";

/** A failure of the host's store: it refuses a request, cannot be reached, or its connection has ended. */
export class XenStoreError extends PvhError {
  /** The name of the error that xenstored replied with, such as `ENOSPC`; undefined when it did not refuse anything. */
  readonly errno: string | undefined;

  constructor(message: string, { errno, cause }: { errno?: string; cause?: unknown } = {}) {
    super("XENSTORE", message, { ...(errno === undefined ? {} : { found: errno }), cause });
    this.errno = errno;
  }
}

/** xenstored refuses what `what` says (`write "/tool"`). */
export function refused(what: string, errno: string): XenStoreError {
  const advice = advices.get(errno);
  const why = advice === undefined ? errno : `${errno}, ${advice}`;
  return new XenStoreError(`xenstored refuses to ${what}: ${why}.`, { errno });
}

/** The peer does not speak the protocol, so that nothing it sends can be relied on; ends the connection. */
export function defect(sent: string): XenStoreError {
  return new XenStoreError(
    `Whoever serves XenStore does not keep to its protocol: it sent ${sent}; look what listens on xenstored's socket.`,
  );
}

/** What to do about a refusal, where that is known. */
const advices = new Map<string, string>([
  ["EACCES", "so run this with domain 0's rights: as root, in domain 0"],
  ["EPERM", "so run this with domain 0's rights: as root, in domain 0"],
  ["ENOENT", "there is no such node or domain"],
  [
    "EINVAL",
    "the domain must exist, and a path may have letters, digits and - / _ @ only, 2048 of them at most",
  ],
  ["ENOSPC", "a quota of xenstored is used up: raise it"],
  ["E2BIG", "it is too long for one message"],
  ["EAGAIN", "others change the same nodes: try again"],
  ["EBUSY", "something else is going on there: try again"],
  ["ENOSYS", "this xenstored is too old to know the request"],
  ["ENOMEM", "it has no memory left: look for a program that fills the store"],
  ["EIO", "its data base failed: look at its log"],
]);
