import { getSystemErrorMessage, getSystemErrorName } from "node:util";
import { PvhError } from "@pvh/errors";
import koffi from "koffi";

/**
 * The C library's calls that Node does not offer. Loading this module loads koffi, so only the VMM process and its
 * workers import it.
 *
 * `errno` belongs to the calling thread and any later call may overwrite it: read it directly after a failure.
 */
const libc = koffi.load("libc.so.6");

/** `int ioctl(int fd, unsigned long request, long argument)` */
export const ioctl: (fd: number, request: number, argument: number) => number = libc.func(
  "int ioctl(int fd, ulong request, long argument)",
);

/** The same with a pointer: a typed array is passed without a copy, in and out; a bigint is an address. */
export const ioctlPointer: (fd: number, request: number, argument: Uint8Array | bigint) => number = libc.func(
  "ioctl",
  "int",
  ["int", "ulong", "void *"],
);

const mmap: (
  address: bigint | null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint = libc.func(
  "void *mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset)",
);

const memfdCreate: (name: string, flags: number) => number = libc.func(
  "int memfd_create(const char *name, uint flags)",
);
const ftruncate: (fd: number, length: number) => number = libc.func("int ftruncate(int fd, int64_t length)");
const madvise: (address: number, size: number, advice: number) => number = libc.func(
  "int madvise(size_t address, size_t size, int advice)",
);

export const schedYield: () => number = libc.func("int sched_yield(void)");

export const gettid: () => number = libc.func("int gettid(void)");

const tgkill: (pid: number, tid: number, signal: number) => number = libc.func(
  "int tgkill(int pid, int tid, int signal)",
);

const sigaction: (signal: number, action: Uint8Array, old: null) => number = libc.func(
  "int sigaction(int signal, const void *action, void *old)",
);

const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FAILED = 0xffffffffffffffffn;
const MFD_CLOEXEC = 1;
const MADV_REMOVE = 9;

/** Memory of this process by its address, which other threads can make views of. It is never unmapped. */
export interface Mapping {
  address: bigint;
  /** Bytes. */
  size: number;
}

/** Memory that can be mapped at several places at once: page `n` of it is at `n * 4096` of the descriptor. */
export interface SharedMapping extends Mapping {
  fd: number;
}

/** Zeroed memory that takes up room only where it is touched. The caller turns `undefined` (see {@link errno}) into an error. */
export function mapMemoryFile(name: string, size: number): SharedMapping | undefined {
  const fd = memfdCreate(name, MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, size) < 0) return undefined;
  const address = mmap(null, size, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  return address === MAP_FAILED ? undefined : { address, size, fd };
}

/**
 * Puts one page of a memory file at `address`, in the place of what was mapped there; nobody ever finds nothing there.
 * False when the kernel refuses, for want of memory or mappings.
 */
export function mapPageAt(address: number, fd: number, offset: number): boolean {
  const flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;
  return mmap(BigInt(address), 4096, PROT_READ_WRITE, flags, fd, offset) !== MAP_FAILED;
}

/** Gives the memory of a range of a memory file back to the host; it reads as zeros afterwards. */
export function discardMemory(address: number, size: number): void {
  madvise(address, size, MADV_REMOVE);
}

/** Zeroed memory for buffers of this process. The caller turns `undefined` (see {@link errno}) into an error. */
export function mapAnonymous(size: number): Mapping | undefined {
  const address = mmap(null, size, PROT_READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return address === MAP_FAILED ? undefined : { address, size };
}

export function mapFile(fd: number, size: number): Mapping {
  const address = mmap(null, size, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === MAP_FAILED) throw systemError("mmap of a kvm_run page", errno());
  return { address, size };
}

/**
 * The mapped bytes themselves. Views of one mapping may be made in every thread; each costs milliseconds per GiB, so
 * make one for each thread and keep it.
 */
export function viewOf({ address, size }: Mapping): ArrayBuffer {
  return koffi.view(address, size);
}

export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

export function errno(): number {
  return koffi.errno();
}

/** The failure of a call to the host's kernel, by the name of the call and of the error. */
export function systemError(call: string, number: number, advice?: string): PvhError {
  const name = errnoName(number);
  const text = `${call} failed with ${name} (${getSystemErrorMessage(-number)})`;
  return new PvhError("HOST_SYSCALL", advice === undefined ? `${text}.` : `${text}: ${advice}.`, {
    field: call,
    found: name,
  });
}

export function errnoName(number: number): string {
  return number > 0 ? getSystemErrorName(-number) : `errno ${number}`;
}

/** A real-time signal: SIGUSR1 is the Node inspector's, SIGPROF the profiler's. */
export const KICK_SIGNAL = 40;
/** `struct sigaction`: handler u64 @0, mask 128 bytes @8, flags i32 @136. */
const SIGACTION_SIZE = 152;

/** Must run once in the process before {@link kick}. The handler is getpid: native, reentrant, without effect. */
export function installKickHandler(): void {
  const action = new Uint8Array(SIGACTION_SIZE);
  const handler = koffi.address(libc.symbol("getpid"));
  new DataView(action.buffer).setBigUint64(0, handler, true);
  if (sigaction(KICK_SIGNAL, action, null) < 0) throw systemError("sigaction", errno());
}

/** Interrupts the system call that the thread `tid` of this process is in. A thread that has ended is fine. */
export function kick(tid: number): void {
  tgkill(process.pid, tid, KICK_SIGNAL);
}
