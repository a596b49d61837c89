import { statSync } from "node:fs";
import type { Kernel } from "@pvh/builder";
import { readInputFile, readKernel, readRamdisk } from "@pvh/kvm";
import { keepUnpacked, readUnpacked, unpackedPath } from "./unpacked-files.ts";

/** Memory that was touched is much quicker to read into than fresh memory; it goes when it was not used for a while. */
const SCRATCH_MS = 30_000;

class Scratch {
  #bytes = new Uint8Array(0);
  #expiry: NodeJS.Timeout | undefined;

  readonly allocate = (size: number): Uint8Array => {
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(size);
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => {
      this.#bytes = new Uint8Array(0);
    }, SCRATCH_MS).unref();
    return this.#bytes.subarray(0, size);
  };
}

const kernels = new Scratch();
const ramdisks = new Scratch();

/**
 * The kernel of a config. Unpacking takes seconds and gives the same every time, so what it gives is kept for the next
 * domain. What the kernel refers to is good until the next call.
 *
 * @throws PvhError FILE_UNREADABLE, or a KERNEL_ code that says what is wrong with the file
 */
export function readCachedKernel(path: string, cache: string): Kernel {
  const file = unpackedPath(path, cache);
  // Its reader says why.
  if (file === undefined) return readKernel(path);
  const unpacked = readUnpacked(file, () => readKernel(file, kernels.allocate));
  if (unpacked !== undefined) return unpacked;
  const kernel = readKernel(path, kernels.allocate);
  if (kernel.compression !== "none") keepUnpacked(cache, file, kernel.elf);
  return kernel;
}

/**
 * The same of a ramdisk, which stays packed when it would not fit into the guest.
 *
 * @param memory of the guest, in bytes
 */
export function readCachedRamdisk(path: string, memory: number, cache: string): Uint8Array {
  const file = unpackedPath(path, cache);
  if (file === undefined) return readRamdisk(path, memory);
  const unpacked = readUnpacked(file, () => readInputFile("ramdisk", file, memory, ramdisks.allocate));
  if (unpacked !== undefined) return unpacked;
  const ramdisk = readRamdisk(path, memory, ramdisks.allocate);
  if (ramdisk.length !== statSync(path).size) keepUnpacked(cache, file, ramdisk);
  return ramdisk;
}
