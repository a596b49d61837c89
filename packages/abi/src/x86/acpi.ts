import { bytes, struct, u8, u16, u32, u64 } from "../struct.ts";

/** ACPI tables as far as a virtual machine without firmware has them. Source: ACPI specification 6.3, chapter 5. */

/** Root System Description Pointer, revision 2. The first checksum covers 20 bytes, the second all. */
export const acpiRsdp = struct("RSDP", 36, {
  signature: bytes(0, 8),
  checksum: u8(8),
  oem_id: bytes(9, 6),
  revision: u8(15),
  rsdt_address: u32(16),
  length: u32(20),
  xsdt_address: u64(24),
  extended_checksum: u8(32),
});
export const RSDP_CHECKSUM_LENGTH = 20;

/** What every table but RSDP and FACS begins with. */
export const acpiHeader = struct("ACPI table header", 36, {
  signature: bytes(0, 4),
  /** Of the whole table. */
  length: u32(4),
  revision: u8(8),
  /** Makes the sum of all bytes 0. */
  checksum: u8(9),
  oem_id: bytes(10, 6),
  oem_table_id: bytes(16, 8),
  oem_revision: u32(24),
  creator_id: bytes(28, 4),
  creator_revision: u32(32),
});

/** Generic Address Structure. */
export const acpiAddress = struct("GAS", 12, {
  /** ACPI_ADDRESS_SPACE */
  space: u8(0),
  bit_width: u8(1),
  bit_offset: u8(2),
  /** 1 = byte, 2 = word, 3 = dword. */
  access_size: u8(3),
  address: u64(4),
});
export const ACPI_ADDRESS_SPACE = { memory: 0, io: 1 } as const;

/** Lengths of earlier revisions of the FADT. */
export const FADT_LENGTH = { revision1: 116, revision5: 268 } as const;

/** Fixed ACPI Description Table, revision 6, the fields that are used; offsets include the header. */
export const acpiFadt = struct("FADT", 276, {
  firmware_ctrl: u32(36),
  dsdt: u32(40),
  preferred_pm_profile: u8(45),
  sci_int: u16(46),
  smi_cmd: u32(48),
  pm1a_evt_blk: u32(56),
  pm1a_cnt_blk: u32(64),
  gpe0_blk: u32(80),
  pm1_evt_len: u8(88),
  pm1_cnt_len: u8(89),
  gpe0_blk_len: u8(92),
  /** Above 100 and 1000: no such state. */
  p_lvl2_lat: u16(96),
  p_lvl3_lat: u16(98),
  iapc_boot_arch: u16(109),
  flags: u32(112),
  reset_reg: bytes(116, 12),
  reset_value: u8(128),
  fadt_minor_version: u8(131),
  x_firmware_ctrl: u64(132),
  x_dsdt: u64(140),
  x_pm1a_evt_blk: bytes(148, 12),
  x_pm1a_cnt_blk: bytes(172, 12),
  x_gpe0_blk: bytes(220, 12),
});

export const FADT_FLAG = {
  WBINVD: 1 << 0,
  PROC_C1: 1 << 2,
  /** The power button is a device in the DSDT, not a bit of PM1. */
  PWR_BUTTON: 1 << 4,
  SLP_BUTTON: 1 << 5,
  FIX_RTC: 1 << 6,
  /** The PM timer has 32 bits. */
  TMR_VAL_EXT: 1 << 8,
  RESET_REG_SUP: 1 << 10,
  USE_PLATFORM_CLOCK: 1 << 15,
  HW_REDUCED_ACPI: 1 << 20,
} as const;

export const IAPC_BOOT_ARCH = {
  LEGACY_DEVICES: 1 << 0,
  HAS_8042: 1 << 1,
  VGA_NOT_PRESENT: 1 << 2,
  CMOS_RTC_NOT_PRESENT: 1 << 5,
} as const;

/** Firmware ACPI Control Structure; 64-byte aligned, without header and checksum. */
export const acpiFacs = struct("FACS", 64, {
  signature: bytes(0, 4),
  length: u32(4),
  version: u8(32),
});

/** Multiple APIC Description Table before its entries; offsets include the header. */
export const acpiMadt = struct("MADT", 44, {
  local_apic_address: u32(36),
  flags: u32(40),
});
/** The system also has two 8259s. */
export const MADT_PCAT_COMPAT = 1;

export const madtLocalApic = struct("MADT local APIC", 8, {
  type: u8(0),
  length: u8(1),
  processor_uid: u8(2),
  apic_id: u8(3),
  /** Bit 0: enabled. */
  flags: u32(4),
});

export const madtIoApic = struct("MADT I/O APIC", 12, {
  type: u8(0),
  length: u8(1),
  io_apic_id: u8(2),
  address: u32(4),
  gsi_base: u32(8),
});

export const madtInterruptOverride = struct("MADT interrupt source override", 10, {
  type: u8(0),
  length: u8(1),
  /** 0 = ISA */
  bus: u8(2),
  source: u8(3),
  gsi: u32(4),
  /** Bits 0-1 polarity (1 active high, 3 active low), bits 2-3 trigger (1 edge, 3 level). */
  flags: u16(8),
});

export const MADT_TYPE = { localApic: 0, ioApic: 1, interruptOverride: 2 } as const;

/** PM1 control register: sleep type in bits 10-12, SLP_EN in bit 13. */
export const PM1_CONTROL = { SCI_EN: 1 << 0, SLP_TYP_SHIFT: 10, SLP_EN: 1 << 13 } as const;

/** PM1 status and enable registers: the fixed power button. */
export const PM1_PWRBTN = 1 << 8;
