import {
  IORING_FEAT,
  IORING_FSYNC_DATASYNC,
  IORING_OFF,
  IORING_OP,
  IORING_REGISTER_EVENTFD,
  ioUringCqe,
  ioUringParams,
  ioUringSqe,
  ioUringSyscall,
  iovec,
} from "@pvh/abi";
import koffi from "koffi";
import { EventFd } from "./event-fd.ts";
import { type Mapping, mapAnonymous, viewOf } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const setup: (call: number, entries: number, params: Uint8Array) => number = libc.func("syscall", "long", [
  "long",
  "uint",
  "void *",
]);
const enter: (
  call: number,
  fd: number,
  submit: number,
  complete: number,
  flags: number,
  signals: null,
  size: number,
) => number = libc.func("syscall", "long", ["long", "int", "uint", "uint", "uint", "void *", "size_t"]);
const register: (call: number, fd: number, code: number, argument: Uint8Array, count: number) => number =
  libc.func("syscall", "long", ["long", "int", "uint", "void *", "uint"]);
const mmap: (
  address: null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint = libc.func(
  "void *mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset)",
);
const close: (fd: number) => number = libc.func("int close(int fd)");

const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x8001;
const MAP_FAILED = 0xffffffffffffffffn;

/** Operations in flight at a time; more wait here. */
const SLOTS = 256;
/** Pieces that one operation may have. */
export const MAX_PIECES = 256;
const REQUIRED = IORING_FEAT.SINGLE_MMAP | IORING_FEAT.NODROP | IORING_FEAT.SUBMIT_STABLE;

/** A stretch of this process's memory. */
export interface HostPiece {
  readonly address: number;
  /** Bytes. */
  readonly length: number;
}

/** What the system call would return, or a negative error number. */
export type Done = (result: number) => void;

interface Operation {
  readonly opcode: number;
  readonly fd: number;
  readonly offset: number;
  readonly pieces: readonly HostPiece[];
  readonly done: Done;
}

const SQE = { size: ioUringSqe.size, ...ioUringSqe.fields };
const CQE = { size: ioUringCqe.size, ...ioUringCqe.fields };

/**
 * Reads and writes of files straight into memory of this process. Operations are collected until {@link submit}; they
 * complete in any order, on the event loop or within a later call of submit.
 *
 * Rings are never unmapped, as long as views of them can exist; those no longer needed are kept for the next user.
 */
export class IoUring {
  static readonly #unused: IoUring[] = [];

  readonly #fd: number;
  readonly #event: EventFd;
  readonly #ring: Int32Array;
  readonly #at: { sqTail: number; sqMask: number; cqHead: number; cqTail: number; cqMask: number };
  /** Words of the array of submissions, and of the first completion. */
  readonly #array: number;
  readonly #cqes: number;
  readonly #sqes: DataView;
  readonly #vectors: { address: number; data: DataView };
  readonly #free: number[] = Array.from({ length: SLOTS }, (_, i) => i);
  readonly #running: (Done | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** Operations that wait for a slot. */
  readonly #waiting: Operation[] = [];
  /** Submissions that the kernel has not taken yet. */
  #queued = 0;
  #settled: () => void = () => undefined;
  #busy = false;

  /** `settled` is called after each batch of completions. Undefined where the host has no io_uring or refuses it. */
  static open(settled: () => void): IoUring | undefined {
    const uring = IoUring.#unused.pop() ?? IoUring.#create();
    if (uring !== undefined) uring.#settled = settled;
    return uring;
  }

  static #create(): IoUring | undefined {
    const params = new Uint8Array(ioUringParams.size);
    const fd = setup(ioUringSyscall.setup, SLOTS, params);
    if (fd < 0) return undefined;
    const { sq_off, cq_off, features, sq_entries, cq_entries } = ioUringParams.decode(params);
    const size = Math.max(sq_off.array + sq_entries * 4, cq_off.cqes + cq_entries * CQE.size);
    const ring = mapRing(fd, size, IORING_OFF.SQ_RING);
    const sqes = mapRing(fd, sq_entries * SQE.size, IORING_OFF.SQES);
    const vectors = mapAnonymous(SLOTS * MAX_PIECES * iovec.size);
    const usable = (features & REQUIRED) === REQUIRED && sq_entries >= SLOTS;
    if (!usable || ring === undefined || sqes === undefined || vectors === undefined) {
      close(fd);
      return undefined;
    }
    return new IoUring(fd, sq_off, cq_off, { ring, sqes, vectors });
  }

  private constructor(
    fd: number,
    sq: { tail: number; ring_mask: number; array: number },
    cq: { head: number; tail: number; ring_mask: number; cqes: number },
    { ring, sqes, vectors }: { ring: Mapping; sqes: Mapping; vectors: Mapping },
  ) {
    this.#fd = fd;
    this.#ring = new Int32Array(viewOf(ring), 0, Math.floor(ring.size / 4));
    this.#at = {
      sqTail: sq.tail / 4,
      sqMask: this.#ring[sq.ring_mask / 4] ?? 0,
      cqHead: cq.head / 4,
      cqTail: cq.tail / 4,
      cqMask: this.#ring[cq.ring_mask / 4] ?? 0,
    };
    this.#array = sq.array / 4;
    this.#cqes = cq.cqes / 4;
    this.#sqes = new DataView(viewOf(sqes));
    this.#vectors = { address: Number(vectors.address), data: new DataView(viewOf(vectors)) };
    this.#event = new EventFd(() => this.#complete());
    const argument = new Uint8Array(Int32Array.of(this.#event.fd).buffer);
    register(ioUringSyscall.register, fd, IORING_REGISTER_EVENTFD, argument, 1);
  }

  read(fd: number, offset: number, pieces: readonly HostPiece[], done: Done): void {
    this.#add({ opcode: IORING_OP.READV, fd, offset, pieces, done });
  }

  write(fd: number, offset: number, pieces: readonly HostPiece[], done: Done): void {
    this.#add({ opcode: IORING_OP.WRITEV, fd, offset, pieces, done });
  }

  /** fdatasync */
  sync(fd: number, done: Done): void {
    this.#add({ opcode: IORING_OP.FSYNC, fd, offset: 0, pieces: [], done });
  }

  /** Hands what was collected to the kernel. Completions that are there at once are delivered before it returns. */
  submit(): void {
    // A completion that asks for more: it is submitted with what the others ask for.
    if (this.#busy) return;
    this.#busy = true;
    do this.#enter();
    while (this.#reap() > 0 && this.#queued > 0);
    this.#busy = false;
    this.#settled();
  }

  /** For the next user. Nothing may be in flight. */
  release(): void {
    this.#settled = () => undefined;
    IoUring.#unused.push(this);
  }

  #complete(): void {
    this.#busy = true;
    this.#reap();
    this.#busy = false;
    if (this.#queued > 0) this.submit();
    else this.#settled();
  }

  #add(operation: Operation): void {
    const slot = this.#free.pop();
    if (slot === undefined) this.#waiting.push(operation);
    else this.#prepare(slot, operation);
  }

  #prepare(slot: number, { opcode, fd, offset, pieces, done }: Operation): void {
    this.#running[slot] = done;
    const at = slot * SQE.size;
    const sqe = this.#sqes;
    for (let i = 0; i < SQE.size; i += 4) sqe.setUint32(at + i, 0, true);
    sqe.setUint8(at + SQE.opcode.offset, opcode);
    sqe.setInt32(at + SQE.fd.offset, fd, true);
    sqe.setUint32(at + SQE.user_data.offset, slot, true);
    if (opcode === IORING_OP.FSYNC) {
      sqe.setUint32(at + SQE.fsync_flags.offset, IORING_FSYNC_DATASYNC, true);
    } else {
      const first = slot * MAX_PIECES * iovec.size;
      pieces.forEach(({ address, length }, i) => {
        setU64(this.#vectors.data, first + i * iovec.size, address);
        setU64(this.#vectors.data, first + i * iovec.size + iovec.fields.iov_len.offset, length);
      });
      setU64(sqe, at + SQE.off.offset, offset);
      setU64(sqe, at + SQE.addr.offset, this.#vectors.address + first);
      sqe.setUint32(at + SQE.len.offset, pieces.length, true);
    }
    const { sqTail, sqMask } = this.#at;
    const tail = this.#ring[sqTail] ?? 0;
    this.#ring[this.#array + (tail & sqMask)] = slot;
    Atomics.store(this.#ring, sqTail, (tail + 1) | 0);
    this.#queued++;
  }

  #enter(): void {
    if (this.#queued === 0) return;
    const taken = enter(ioUringSyscall.enter, this.#fd, this.#queued, 0, 0, null, 0);
    if (taken > 0) this.#queued -= taken;
    // Short of memory, or interrupted: again when others have had their turn.
    if (this.#queued > 0) setImmediate(() => this.submit());
  }

  /** Delivers the completions that are there. Returns how many. */
  #reap(): number {
    const { cqHead, cqTail, cqMask } = this.#at;
    const start = this.#ring[cqHead] ?? 0;
    const tail = Atomics.load(this.#ring, cqTail);
    for (let head = start; head !== tail; head = (head + 1) | 0) {
      const cqe = this.#cqes + ((head & cqMask) * CQE.size) / 4;
      const slot = this.#ring[cqe + CQE.user_data.offset / 4] ?? 0;
      const result = this.#ring[cqe + CQE.res.offset / 4] ?? 0;
      Atomics.store(this.#ring, cqHead, (head + 1) | 0);
      const done = this.#running[slot];
      this.#running[slot] = undefined;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(slot);
      else this.#prepare(slot, next);
      done?.(result);
    }
    return (tail - start) | 0;
  }
}

function mapRing(fd: number, size: number, offset: number): Mapping | undefined {
  const address = mmap(null, size, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
  return address === MAP_FAILED ? undefined : { address, size };
}

function setU64(data: DataView, at: number, value: number): void {
  data.setUint32(at, value >>> 0, true);
  data.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
