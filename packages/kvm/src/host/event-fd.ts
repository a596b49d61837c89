import koffi from "koffi";
import { errno, systemError } from "./libc.ts";
import { Readiness } from "./readiness.ts";

const libc = koffi.load("libc.so.6");
const eventfd: (initial: number, flags: number) => number = libc.func("int eventfd(uint initial, int flags)");
const read: (fd: number, buffer: Uint8Array, size: number) => number = libc.func(
  "long read(int fd, void *buffer, size_t size)",
);

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** A counter of the kernel's that wakes the event loop. Stays for the life of the process. */
export class EventFd {
  readonly fd: number;
  readonly #count = new Uint8Array(8);

  /** `signalled` is called on the event loop, once for all signals since the last call. */
  constructor(signalled: () => void) {
    this.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.fd < 0) throw systemError("eventfd", errno());
    new Readiness(this.fd, () => {
      read(this.fd, this.#count, this.#count.length);
      signalled();
    });
  }
}
