import { PAGE_SIZE, pageRoundUp } from "@pvh/abi";
import { hex, PvhError } from "@pvh/errors";
import { tableFrames } from "../image/page-tables.ts";
import { MIB, mib } from "../image/size.ts";

/**
 * Where start_info and shared_info go.
 *
 * `reserved-shared-info`: start_info at offset 0x800 of its page, shared_info on the next page. Linux 4.3 to 4.10
 * reserves PAGE_SIZE bytes from start_info's address, and the pages of both rings, but forgets shared_info: its
 * allocator hands that page out, and event channels and clock die under it some time later. A reservation that begins
 * in the middle of a page reaches into the next one, which saves it. Other guests (mini-os, FreeBSD, Linux up to 4.2)
 * reserve all that lies below the end of the page tables, so shared_info stays below them.
 *
 * `libxc`: page-aligned start_info, then xenstore, console, shared_info, as Xen 4.4 to 4.8 built it.
 */
export type ClassicPlacement = "reserved-shared-info" | "libxc";

/** Offset of start_info in its page, for `reserved-shared-info`; its 1168 bytes still fit. */
const START_INFO_OFFSET = 0x800;

/** Canonical addresses with four levels of tables: below 2^47, and the last 2^47 below 2^64. */
const LOW_HALF_END = 1n << 47n;
const HIGH_HALF_END = 1n << 64n;

const MAPPING_ALIGNMENT = 4 * 1024 * 1024;
/** Pages mapped behind the tables: the boot stack, then 512 KiB that guests build their own first tables in. */
const PAGES_BEHIND_TABLES = 1 + 128;

export interface LayoutInput {
  /** Virtual address of guest-physical 0. */
  virtBase: bigint;
  /** Guest-physical end of the kernel. */
  kernelEnd: number;
  /** Bytes; 0 when there is none. */
  ramdiskSize: number;
  /** Bytes. */
  memory: number;
  /** Where RAM from guest-physical 0 on ends, however much memory there is; infinite where it has no hole. */
  lowMemoryLimit: number;
  placement: ClassicPlacement;
}

/** Guest-physical addresses; add `virtBase` for virtual ones. */
export interface ClassicLayout {
  ramdisk: number;
  p2m: number;
  p2mEntries: number;
  startInfo: number;
  xenstore: number;
  console: number;
  sharedInfo: number;
  pageTables: number;
  pageTableFrames: number;
  bootStack: number;
  /** All from guest-physical 0 to here is mapped. */
  mappedEnd: number;
}

/**
 * The order of libxc (xc_dom_build_image, Xen 4.5), upward from the kernel's end: ramdisk, list of frames, start_info
 * and the shared pages, page tables, boot stack, slack to the next multiple of 4 MiB.
 *
 * @throws PvhError LAYOUT_MEMORY when the memory is too small; the message names the least that would do, unless the image
 * cannot end below the hole in the memory. KERNEL_NOTE when `virtBase` is no page of the address space.
 */
export function classicLayout(input: LayoutInput): ClassicLayout {
  checkVirtBase(input.virtBase);
  const layout = place(input);
  if (layout.mappedEnd > Math.min(input.memory, input.lowMemoryLimit)) throw doesNotFit(input, layout);
  return layout;
}

function place({ virtBase, kernelEnd, ramdiskSize, memory, placement }: LayoutInput): ClassicLayout {
  const ramdisk = pageRoundUp(kernelEnd);
  const p2m = ramdisk + pageRoundUp(ramdiskSize);
  const p2mEntries = Math.floor(memory / PAGE_SIZE);
  const page = (index: number) => p2m + pageRoundUp(p2mEntries * 8) + index * PAGE_SIZE;
  const pages =
    placement === "libxc"
      ? { startInfo: page(0), xenstore: page(1), console: page(2), sharedInfo: page(3) }
      : { startInfo: page(0) + START_INFO_OFFSET, sharedInfo: page(1), xenstore: page(2), console: page(3) };
  const pageTables = page(4);
  const { mappedEnd, frames } = mapping(virtBase, pageTables);
  return {
    ramdisk,
    p2m,
    p2mEntries,
    ...pages,
    pageTables,
    pageTableFrames: frames,
    bootStack: pageTables + frames * PAGE_SIZE,
    mappedEnd,
  };
}

/** The 4 MiB rule: the tables must map themselves, the boot stack and the slack; their number depends on the end. */
function mapping(virtBase: bigint, pageTables: number): { mappedEnd: number; frames: number } {
  const base = Number(virtBase % BigInt(MAPPING_ALIGNMENT));
  for (let pages = PAGES_BEHIND_TABLES; ; ) {
    const least = base + pageTables + pages * PAGE_SIZE;
    // As in libxc, virtual addresses are aligned and an end that is aligned already moves on to the next multiple.
    const mappedEnd = (Math.floor(least / MAPPING_ALIGNMENT) + 1) * MAPPING_ALIGNMENT - base;
    const frames = tableFrames(virtBase, checkedEnd(virtBase, mappedEnd));
    pages = frames + PAGES_BEHIND_TABLES;
    if (pageTables + pages * PAGE_SIZE <= mappedEnd) return { mappedEnd, frames };
  }
}

function checkVirtBase(virtBase: bigint): void {
  const canonical = virtBase < LOW_HALF_END || virtBase >= HIGH_HALF_END - LOW_HALF_END;
  if (canonical && virtBase % BigInt(PAGE_SIZE) === 0n) return;
  throw new PvhError(
    "KERNEL_NOTE",
    `VIRT_BASE is ${hex(virtBase)}, which is not a page-aligned canonical address.`,
    { field: "VIRT_BASE", found: hex(virtBase), allowed: "a canonical address, multiple of 0x1000" },
  );
}

function checkedEnd(virtBase: bigint, mappedEnd: number): bigint {
  const end = virtBase + BigInt(mappedEnd);
  const limit = virtBase < LOW_HALF_END ? LOW_HALF_END : HIGH_HALF_END;
  if (end > limit) {
    throw new PvhError(
      "LAYOUT_MEMORY",
      `The initial mapping needs ${mib(mappedEnd)} from VIRT_BASE ${hex(virtBase)}, but the address space ends at ${hex(limit)}; a smaller ramdisk or less memory is needed.`,
      { field: "VIRT_BASE", found: hex(end), allowed: `up to ${hex(limit)}` },
    );
  }
  return end;
}

function doesNotFit(input: LayoutInput, layout: ClassicLayout): PvhError {
  const parts = [
    `kernel up to ${mib(input.kernelEnd)}`,
    ...(input.ramdiskSize > 0 ? [`ramdisk ${mib(input.ramdiskSize)}`] : []),
    `list of frames ${mib(layout.p2mEntries * 8)}`,
    `page tables ${mib(layout.pageTableFrames * PAGE_SIZE)}`,
  ];
  const needs = `${parts.join(", ")}, with slack the boot image ends at ${mib(layout.mappedEnd)}`;
  const least = leastMemory(input, layout);
  if (least > input.lowMemoryLimit) {
    const limit = mib(input.lowMemoryLimit);
    return new PvhError(
      "LAYOUT_MEMORY",
      `The boot image must end below the hole in the guest's memory at ${limit}, but it has ${needs}.`,
      {
        field: "kernel",
        found: hex(layout.mappedEnd),
        allowed: `at most ${hex(input.lowMemoryLimit)}`,
      },
    );
  }
  return new PvhError(
    "LAYOUT_MEMORY",
    `memory = ${input.memory / MIB} MiB is too small: ${needs}; the least that would do is memory = ${least / MIB}.`,
    { field: "memory", found: input.memory / MIB, allowed: `at least ${least / MIB}` },
  );
}

function leastMemory(input: LayoutInput, { mappedEnd }: ClassicLayout): number {
  let least = 0;
  // The list of frames grows with the memory, by 1/512 of it, so this ends after a few rounds.
  for (let needed = mappedEnd; needed > least; ) {
    least = Math.ceil(needed / MIB) * MIB;
    needed = place({ ...input, memory: least }).mappedEnd;
  }
  return least;
}
