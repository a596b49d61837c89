import type { RamRange } from "./image.ts";

/**
 * Where RAM below 4 GiB ends on Xen, as libxl has it. Above lie ACPI's tables (0xfc000000), the I/O APIC's page
 * (0xfec00000), a direct guest's special pages (0xfeff8000), and the local APIC's (0xfee00000): with VT-x Xen puts a page
 * of its own there when a domain is first unpaused, so that a domain with RAM there would be lost.
 */
export const LOW_MEMORY_LIMIT = 0xfc000000;

const FOUR_GIB = 2 ** 32;

/** `memory` bytes of RAM around the hole: what does not fit below it continues at 4 GiB. */
export function ramAroundHole(memory: number): { low: RamRange; high: RamRange[] } {
  const size = Math.min(memory, LOW_MEMORY_LIMIT);
  return { low: { gpa: 0, size }, high: memory > size ? [{ gpa: FOUR_GIB, size: memory - size }] : [] };
}
