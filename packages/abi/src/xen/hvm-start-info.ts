import { struct, u32, u64 } from "../struct.ts";

/** "xEn3" with bit 7 of the E set. */
export const HVM_START_MAGIC = 0x336ec578;
/** The version with a memory map. */
export const HVM_START_VERSION = 1;

/** What ebx points to when a direct guest is entered (public/arch-x86/hvm/start_info.h). */
export const hvmStartInfo = struct("hvm_start_info", 56, {
  magic: u32(0),
  version: u32(4),
  /** SIF_* */
  flags: u32(8),
  nr_modules: u32(12),
  modlist_paddr: u64(16),
  cmdline_paddr: u64(24),
  rsdp_paddr: u64(32),
  memmap_paddr: u64(40),
  memmap_entries: u32(48),
  reserved: u32(52),
});

export const hvmModlistEntry = struct("hvm_modlist_entry", 32, {
  paddr: u64(0),
  /** Bytes. */
  size: u64(8),
  /** 0 when the module has no command line. */
  cmdline_paddr: u64(16),
  reserved: u64(24),
});

export const hvmMemmapTableEntry = struct("hvm_memmap_table_entry", 24, {
  addr: u64(0),
  size: u64(8),
  /** E820_TYPE */
  type: u32(16),
  reserved: u32(20),
});
