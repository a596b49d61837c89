import {
  E820_TYPE,
  HVM_START_MAGIC,
  HVM_START_VERSION,
  hvmMemmapTableEntry,
  hvmModlistEntry,
  hvmStartInfo,
} from "@pvh/abi";
import type { MemoryMapEntry, Region } from "../image/image.ts";

export interface DirectStartInfo {
  /** Page aligned, as in libxc. */
  gpa: number;
  commandLine: string;
  /** The ramdisk; `size` is its exact length in bytes. */
  module?: { gpa: number; size: number } | undefined;
  memoryMap: MemoryMapEntry[];
  /** Guest-physical; 0 when there are no ACPI tables. */
  rsdp: number;
}

/**
 * hvm_start_info and what it points to, in libxc's order: structure, command line, module list, memory map.
 *
 * Two deviations, both allowed by the ABI: a module's size is its length, where libxc rounds up to pages (kernels that
 * read trailing metadata of an archive want the true end); a module has no command line, as xl has no key for one.
 */
export function startInfoRegions({ gpa, commandLine, module, memoryMap, rsdp }: DirectStartInfo): Region[] {
  const regions: Region[] = [];
  let next = gpa + hvmStartInfo.size;
  const place = (name: string, bytes: Uint8Array): number => {
    const at = next;
    regions.push({ name, gpa: at, size: bytes.length, contents: { kind: "bytes", bytes } });
    next = Math.ceil((at + bytes.length) / 8) * 8;
    return at;
  };
  const cmdline = commandLine === "" ? 0 : place("cmdline", new TextEncoder().encode(`${commandLine}\0`));
  const modlist =
    module === undefined
      ? 0
      : place("modlist", hvmModlistEntry.encode({ paddr: module.gpa, size: module.size }));
  const memmap = place("memmap", memoryMapBytes(memoryMap));
  const structure = hvmStartInfo.encode({
    magic: HVM_START_MAGIC,
    version: HVM_START_VERSION,
    nr_modules: module === undefined ? 0 : 1,
    modlist_paddr: modlist,
    cmdline_paddr: cmdline,
    rsdp_paddr: rsdp,
    memmap_paddr: memmap,
    memmap_entries: memoryMap.length,
  });
  return [
    { name: "start_info", gpa, size: structure.length, contents: { kind: "bytes", bytes: structure } },
    ...regions,
  ];
}

function memoryMapBytes(memoryMap: MemoryMapEntry[]): Uint8Array {
  const bytes = new Uint8Array(memoryMap.length * hvmMemmapTableEntry.size);
  memoryMap.forEach(({ gpa, size, type }, i) => {
    hvmMemmapTableEntry.writeTo(bytes, i * hvmMemmapTableEntry.size, {
      addr: gpa,
      size,
      type: E820_TYPE[type],
    });
  });
  return bytes;
}
