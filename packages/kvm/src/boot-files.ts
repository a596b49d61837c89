import { inspectKernel, type Kernel, type UnpackLimits, unpackKernel, unpackRamdisk } from "@pvh/builder";
import { type Allocate, readInputFile } from "./input-files.ts";

/** Bytes of a kernel file. Kernels with all their debugging data stay below. */
const KERNEL_FILE_LIMIT = 2 ** 30;

export interface KernelReading {
  /** Memory of that many bytes for the file; the kernel may refer to it. */
  allocate?: Allocate;
  decoders?: UnpackLimits["decoders"];
}

/**
 * @throws PvhError FILE_UNREADABLE, or a KERNEL_ code that says what is wrong with the file.
 */
export function readKernel(path: string, { allocate, decoders = {} }: KernelReading = {}): Kernel {
  return inspectKernel(
    unpackKernel(readInputFile("kernel", path, KERNEL_FILE_LIMIT, allocate), { decoders }),
  );
}

/**
 * The ramdisk as the guest gets it. What is larger than the guest's memory is refused, and what would be when it is
 * unpacked stays packed: nothing is allocated that could not be placed.
 *
 * @param memory of the guest, in bytes
 */
export function readRamdisk(path: string, memory: number, allocate?: Allocate): Uint8Array {
  return unpackRamdisk(readInputFile("ramdisk", path, memory, allocate), { maxUnpacked: memory });
}
