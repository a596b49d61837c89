/** Paging with four levels and 4 KiB pages (Intel SDM volume 3, 5.5). */

export const PAGE_SIZE = 4096;

/** Entries of one page table. */
export const TABLE_ENTRIES = 512;

export const PTE = {
  P: 1 << 0,
  RW: 1 << 1,
  US: 1 << 2,
  PWT: 1 << 3,
  PCD: 1 << 4,
  A: 1 << 5,
  D: 1 << 6,
  /** 2 MiB or 1 GiB page, in an L2 or L3 entry. */
  PS: 1 << 7,
  G: 1 << 8,
} as const;

/** How many low bits of a virtual address one table of a level spans: an L1 maps 2 MiB. */
export const TABLE_SPAN_BITS = { 1: 21, 2: 30, 3: 39, 4: 48 } as const;

export function pageRoundUp(address: number): number {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}
