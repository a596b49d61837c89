import { struct, u32, u64 } from "../struct.ts";

/** Address range types (ACPI 6.3, section 15); `hvm_start_info`'s memory map uses the same numbers. */
export const E820_TYPE = {
  ram: 1,
  reserved: 2,
  acpi: 3,
  nvs: 4,
  unusable: 5,
  disabled: 6,
  pmem: 7,
} as const;

/** One entry of XENMEM_memory_map's buffer: packed, 20 bytes (Xen, asm-x86/e820.h). */
export const e820Entry = struct("e820entry", 20, {
  addr: u64(0),
  size: u64(8),
  type: u32(16),
});

/** Most entries that XENMEM_memory_map returns (E820MAX). */
export const E820_MAX = 128;
