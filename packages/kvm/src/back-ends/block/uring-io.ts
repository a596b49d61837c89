import { type HostPiece, IoUring } from "../../host/io-uring.ts";
import type { DiskIo, Done, Piece } from "./disk-io.ts";

/** Straight between image and guest memory. Undefined where the host has no io_uring or refuses it. */
export function uringIo(fd: number, settled: () => void): DiskIo | undefined {
  const uring = IoUring.open(settled);
  return uring === undefined ? undefined : new UringIo(uring, fd);
}

class UringIo implements DiskIo {
  readonly name = "io_uring";
  readonly #uring: IoUring;
  readonly #fd: number;

  constructor(uring: IoUring, fd: number) {
    this.#uring = uring;
    this.#fd = fd;
  }

  read(offset: number, pieces: readonly Piece[], done: Done): void {
    this.#uring.read(this.#fd, offset, pieces.map(hostPiece), done);
  }

  write(offset: number, pieces: readonly Piece[], done: Done): void {
    this.#uring.write(this.#fd, offset, pieces.map(hostPiece), done);
  }

  sync(done: Done): void {
    this.#uring.sync(this.#fd, done);
  }

  submit(): void {
    this.#uring.submit();
  }

  close(): void {
    this.#uring.release();
  }
}

function hostPiece({ view, at, length }: Piece): HostPiece {
  return { address: view.address + at, length };
}
