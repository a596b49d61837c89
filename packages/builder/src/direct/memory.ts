import { PAGE_SIZE, pageRoundUp, SPECIAL_PAGES } from "@pvh/abi";
import type { MemoryMapEntry, RamRange } from "../image/image.ts";

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

/** The page of Xen's RSDP where it stands in RAM below 1 MiB. Nothing else may stand there. */
export const LOW_RSDP_PAGE: RamRange = { gpa: 0x100000 - PAGE_SIZE, size: PAGE_SIZE };

export interface DirectMemory {
  ram: RamRange[];
  memoryMap: MemoryMapEntry[];
}

interface Split {
  lowEnd: number;
  high: RamRange[];
}

function split(memory: number): Split {
  const lowEnd = Math.min(memory, LOW_MEMORY_LIMIT);
  return { lowEnd, high: memory > lowEnd ? [{ gpa: FOUR_GIB, size: memory - lowEnd }] : [] };
}

const asRam = (range: RamRange): MemoryMapEntry => ({ ...range, type: "ram" });

/**
 * RAM of a direct guest with `memory` bytes on the xen platform, and libxl's memory map (domain_construct_memmap, Xen 4.17):
 * in its order, with whole pages in front of each piece of ACPI, where an RSDP in low RAM overlaps the entry of the RAM.
 *
 * @param acpi pieces of ACPI tables in the order of the map
 */
export function xenMemory(memory: number, acpi: readonly RamRange[]): DirectMemory {
  const { lowEnd, high } = split(memory);
  const tables = acpi.filter(({ gpa }) => gpa >= LOW_MEMORY_LIMIT);
  const tablesEnd = Math.max(...tables.map(({ gpa, size }) => pageRoundUp(gpa + size)));
  return {
    ram: [
      { gpa: 0, size: lowEnd },
      { gpa: LOW_MEMORY_LIMIT, size: tablesEnd - LOW_MEMORY_LIMIT },
      SPECIAL_RANGE,
      ...high,
    ],
    memoryMap: [
      { gpa: 0, size: lowEnd, type: "ram" },
      { ...SPECIAL_RANGE, type: "reserved" },
      ...acpi.map(({ gpa, size }): MemoryMapEntry => {
        const offset = gpa % PAGE_SIZE;
        return { gpa: gpa - offset, size: size + offset, type: "acpi" };
      }),
      ...high.map(asRam),
    ],
  };
}

/** The same on the bare platform: ascending entries that do not overlap. */
export function bareMemory(memory: number): DirectMemory {
  const { lowEnd, high } = split(memory);
  const acpiEnd = ACPI_RANGE.gpa + ACPI_RANGE.size;
  const memoryMap: MemoryMapEntry[] = [
    { gpa: 0, size: ACPI_RANGE.gpa, type: "ram" },
    { ...ACPI_RANGE, type: "acpi" },
    { gpa: acpiEnd, size: Math.max(0, lowEnd - acpiEnd), type: "ram" },
    ...high.map(asRam),
  ];
  return {
    ram: [{ gpa: 0, size: lowEnd }, ...high],
    memoryMap: memoryMap.filter(({ size }) => size > 0),
  };
}
