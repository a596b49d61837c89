import { PAGE_SIZE } from "@pvh/abi";
import type { GuestConfig } from "@pvh/builder";

const MIB = 2 ** 20;
/** Where memory above the hole for devices begins; RAM that does not fit below is there. */
const HIGH_MEMORY = 2 ** 32;

/** The frame that the memory of such a guest ends before. */
export function framesOf({ memory, maxmem = memory }: GuestConfig): number {
  return (HIGH_MEMORY + maxmem * MIB) / PAGE_SIZE;
}
