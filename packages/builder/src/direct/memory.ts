import { PAGE_SIZE, pageRoundUp, SPECIAL_PAGES } from "@pvh/abi";
import type { AcpiMemoryType } from "../hypervisor.ts";
import type { MemoryMapEntry, RamRange } from "../image/image.ts";
import { LOW_MEMORY_LIMIT, ramAroundHole } from "../image/ram.ts";

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

const asRam = (range: RamRange): MemoryMapEntry => ({ ...range, type: "ram" });

/**
 * RAM of a direct guest with `memory` bytes on the xen platform, and libxl's memory map (domain_construct_memmap, Xen 4.17):
 * in its order, with whole pages in front of each piece of ACPI, where an RSDP in low RAM overlaps the entry of the RAM.
 *
 * @param acpi pieces of ACPI tables in the order of the map
 * @param acpiType what their entries are
 */
export function xenMemory(memory: number, acpi: readonly RamRange[], acpiType: AcpiMemoryType): DirectMemory {
  const { low, high } = ramAroundHole(memory);
  const tables = acpi.filter(({ gpa }) => gpa >= LOW_MEMORY_LIMIT);
  const tablesEnd = Math.max(...tables.map(({ gpa, size }) => pageRoundUp(gpa + size)));
  return {
    ram: [low, { gpa: LOW_MEMORY_LIMIT, size: tablesEnd - LOW_MEMORY_LIMIT }, SPECIAL_RANGE, ...high],
    memoryMap: [
      asRam(low),
      { ...SPECIAL_RANGE, type: "reserved" },
      ...acpi.map(({ gpa, size }): MemoryMapEntry => {
        const offset = gpa % PAGE_SIZE;
        return { gpa: gpa - offset, size: size + offset, type: acpiType };
      }),
      ...high.map(asRam),
    ],
  };
}

/** The same on the bare platform: ascending entries that do not overlap. */
export function bareMemory(memory: number): DirectMemory {
  const { low, high } = ramAroundHole(memory);
  const acpiEnd = ACPI_RANGE.gpa + ACPI_RANGE.size;
  const memoryMap: MemoryMapEntry[] = [
    { gpa: 0, size: ACPI_RANGE.gpa, type: "ram" },
    { ...ACPI_RANGE, type: "acpi" },
    { gpa: acpiEnd, size: Math.max(0, low.size - acpiEnd), type: "ram" },
    ...high.map(asRam),
  ];
  return {
    ram: [low, ...high],
    memoryMap: memoryMap.filter(({ size }) => size > 0),
  };
}
