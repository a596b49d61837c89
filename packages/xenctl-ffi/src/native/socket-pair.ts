import koffi from "koffi";
import { callError } from "./call-error.ts";
import { errno } from "./libc.ts";

const socketpair: (domain: number, type: number, protocol: number, fds: Int32Array) => number = koffi
  .load("libc.so.6")
  .func("int socketpair(int domain, int type, int protocol, _Out_ void *fds)");

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Two ends of one connection. Each waits or does not for itself: one may be Node's, while a library blocks on the other.
 *
 * @throws PvhError XEN_CALL
 */
export function socketPair(): [ours: number, theirs: number] {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) throw callError("socketpair()", errno());
  const [ours = -1, theirs = -1] = fds;
  return [ours, theirs];
}
