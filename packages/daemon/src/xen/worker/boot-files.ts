import { statSync } from "node:fs";
import type { Kernel } from "@pvh/builder";
import { readInputFile, readKernel, readRamdisk } from "@pvh/kvm";
import { decodeXz } from "@pvh/xenctl-ffi/native";
import { afterwards } from "./afterwards.ts";
import { Recent, Scratch } from "./recent.ts";
import { keepUnpacked, readUnpacked, unpackedPath } from "./unpacked-files.ts";

const files = new Scratch();
const unpacked = new Scratch();
const ramdisks = new Scratch();
const recentKernel = new Recent<Kernel>(files, unpacked);
const recentRamdisk = new Recent<Uint8Array>(ramdisks);

/**
 * The kernel of a config. Unpacking takes seconds and gives the same every time, so what it gives is kept for the next
 * domain: in a file, and for a while in memory. What the kernel refers to is good until the next call.
 *
 * @throws PvhError FILE_UNREADABLE, or a KERNEL_ code that says what is wrong with the file
 */
export function readCachedKernel(path: string, cache: string): Kernel {
  const file = unpackedPath(path, cache);
  // Its reader says why.
  if (file === undefined) return readKernel(path);
  return recentKernel.get(file, () => {
    const kept = readUnpacked(file, () => readKernel(file, { allocate: files.allocate }));
    if (kept !== undefined) return kept;
    const kernel = readKernel(path, { allocate: files.allocate, decoders: { xz: unpackXz } });
    if (kernel.compression !== "none") afterwards(() => keepUnpacked(cache, file, kernel.elf));
    return kernel;
  });
}

function unpackXz(packed: Uint8Array, size: number): Uint8Array | undefined {
  const output = unpacked.allocate(size);
  return decodeXz(packed, output) ? output : undefined;
}

/**
 * The same of a ramdisk, which stays packed when it would not fit into the guest.
 *
 * @param memory of the guest, in bytes
 */
export function readCachedRamdisk(path: string, memory: number, cache: string): Uint8Array {
  const file = unpackedPath(path, cache);
  if (file === undefined) return readRamdisk(path, memory);
  return recentRamdisk.get(`${file} ${memory}`, () => {
    const kept = readUnpacked(file, () => readInputFile("ramdisk", file, memory, ramdisks.allocate));
    if (kept !== undefined) return kept;
    const ramdisk = readRamdisk(path, memory, ramdisks.allocate);
    if (ramdisk.length !== statSync(path).size) afterwards(() => keepUnpacked(cache, file, ramdisk));
    return ramdisk;
  });
}
