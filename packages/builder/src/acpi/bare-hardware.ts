/**
 * The fixed hardware of the bare platform: what the ACPI tables tell the guest, and what a hypervisor must answer.
 */
export const BARE_HARDWARE = {
  /** PM1 status (2 bytes) and enable (2 bytes). The only event is the fixed power button, bit 8. */
  pm1aEvent: { port: 0x600, length: 4 },
  /** PM1 control: SLP_TYP 5 with SLP_EN powers off. */
  pm1aControl: { port: 0x604, length: 2 },
  sleepTypeS5: 5,
  /** Writing `value` resets the machine. */
  reset: { port: 0xcf9, value: 6 },
  /** ISA IRQ 9, level triggered, active high. */
  sci: 9,
  serial: { port: 0x3f8, length: 8, irq: 4 },
  localApic: 0xfee00000,
  ioApic: { id: 0, address: 0xfec00000, gsiBase: 0 },
} as const;
