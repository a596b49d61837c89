import { PAGE_SIZE, SPECIAL_PAGES } from "@pvh/abi";
import type { MemoryMapEntry, Platform, RamRange } from "../image/image.ts";

/**
 * Where RAM below 4 GiB ends for a direct guest. Above stand, on the xen platform, libxl's ACPI page (0xfc000000) and
 * the special pages; on both, IOAPIC (0xfec00000) and local APIC (0xfee00000).
 */
export const LOW_MEMORY_LIMIT = 0xfc000000;
const FOUR_GIB = 2 ** 32;

/** libxc's special pages of direct guests. */
export const SPECIAL_RANGE: RamRange = {
  gpa: SPECIAL_PAGES.firstFrame * PAGE_SIZE,
  size: SPECIAL_PAGES.count * PAGE_SIZE,
};

/**
 * Where the bare platform has its ACPI tables: in the area that PCs keep for firmware, so that a kernel which scans
 * for the RSDP finds it as well as one that reads it from hvm_start_info.
 */
export const ACPI_RANGE: RamRange = { gpa: 0xe0000, size: 0x20000 };

export interface DirectMemory {
  ram: RamRange[];
  memoryMap: MemoryMapEntry[];
}

/**
 * RAM of a direct guest with `memory` bytes, and what its memory map says: on the xen platform libxl's order of
 * entries, on bare ascending entries that do not overlap.
 */
export function directMemory(platform: Platform, memory: number): DirectMemory {
  const lowEnd = Math.min(memory, LOW_MEMORY_LIMIT);
  const high: RamRange[] = memory > lowEnd ? [{ gpa: FOUR_GIB, size: memory - lowEnd }] : [];
  const highMap = high.map((range): MemoryMapEntry => ({ ...range, type: "ram" }));
  if (platform === "xen") {
    return {
      ram: [{ gpa: 0, size: lowEnd }, SPECIAL_RANGE, ...high],
      memoryMap: [{ gpa: 0, size: lowEnd, type: "ram" }, { ...SPECIAL_RANGE, type: "reserved" }, ...highMap],
    };
  }
  const acpiEnd = ACPI_RANGE.gpa + ACPI_RANGE.size;
  const memoryMap: MemoryMapEntry[] = [
    { gpa: 0, size: ACPI_RANGE.gpa, type: "ram" },
    { ...ACPI_RANGE, type: "acpi" },
    { gpa: acpiEnd, size: Math.max(0, lowEnd - acpiEnd), type: "ram" },
    ...highMap,
  ];
  return {
    ram: [{ gpa: 0, size: lowEnd }, ...high],
    memoryMap: memoryMap.filter(({ size }) => size > 0),
  };
}
