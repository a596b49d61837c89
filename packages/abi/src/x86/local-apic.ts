/** The local APIC: xAPIC and x2APIC. Source: Intel SDM volume 3, chapter 11 (APIC); sections are named below. */

/** Physical address of the xAPIC's page after power-on (11.4.4). */
export const APIC_DEFAULT_BASE = 0xfee00000;

/**
 * Offsets of the registers in the page (table 11-1). Each is 32 bits wide, and aligned to 16 bytes. In x2APIC mode
 * the register at an offset is the MSR `X2APIC_MSR_FIRST + offset / 16` (table 11-6).
 */
export const APIC_REG = {
  ID: 0x20,
  VERSION: 0x30,
  /** Task priority. */
  TPR: 0x80,
  /** Processor priority. */
  PPR: 0xa0,
  EOI: 0xb0,
  /** Logical destination. */
  LDR: 0xd0,
  /** Destination format; not in x2APIC mode. */
  DFR: 0xe0,
  /** Spurious interrupt vector, with the software enable bit. */
  SVR: 0xf0,
  /** In service, trigger mode and interrupt request: eight registers each, one bit for each vector. */
  ISR: 0x100,
  TMR: 0x180,
  IRR: 0x200,
  /** Error status. */
  ESR: 0x280,
  LVT_CMCI: 0x2f0,
  /** Interrupt command. In x2APIC mode one register of 64 bits. */
  ICR: 0x300,
  ICR_HIGH: 0x310,
  LVT_TIMER: 0x320,
  LVT_THERMAL: 0x330,
  LVT_PERFORMANCE: 0x340,
  LVT_LINT0: 0x350,
  LVT_LINT1: 0x360,
  LVT_ERROR: 0x370,
  TIMER_INITIAL_COUNT: 0x380,
  TIMER_CURRENT_COUNT: 0x390,
  TIMER_DIVIDE: 0x3e0,
  /** Only in x2APIC mode. */
  SELF_IPI: 0x3f0,
} as const;

export const X2APIC_MSR_FIRST = 0x800;
/** The address space that x2APIC mode reserves (11.12.1.2). */
export const X2APIC_MSR_LAST = 0x8ff;

/** IA32_APIC_BASE (MSR 0x1b; figures 11-5 and 11-26). */
export const APIC_BASE = {
  BSP: 1 << 8,
  /** x2APIC mode. */
  EXTD: 1 << 10,
  EN: 1 << 11,
} as const;

/** Vectors 0-15 are illegal in every message (11.5.2). */
export const APIC_FIRST_LEGAL_VECTOR = 16;
export const APIC_VECTOR_MASK = 0xff;

/** Spurious interrupt vector register (11.9). */
export const APIC_SVR = { ENABLE: 1 << 8, FOCUS_DISABLED: 1 << 9 } as const;

/** Delivery modes: bits 8-10 of the ICR (11.6.1) and of the LVT's entries. */
export const APIC_DELIVERY = {
  MASK: 7 << 8,
  FIXED: 0 << 8,
  LOWEST_PRIORITY: 1 << 8,
  SMI: 2 << 8,
  NMI: 4 << 8,
  INIT: 5 << 8,
  STARTUP: 6 << 8,
  EXTINT: 7 << 8,
} as const;

/** Interrupt command register, low half (figure 11-12). The destination is in bits 24-31 of the high half, or all of it. */
export const APIC_ICR = {
  LOGICAL: 1 << 11,
  DELIVERY_STATUS: 1 << 12,
  ASSERT: 1 << 14,
  LEVEL: 1 << 15,
  SHORTHAND_MASK: 3 << 18,
  SELF: 1 << 18,
  ALL: 2 << 18,
  ALL_BUT_SELF: 3 << 18,
} as const;

/** Local vector table (figure 11-8). */
export const APIC_LVT = {
  DELIVERY_STATUS: 1 << 12,
  ACTIVE_LOW: 1 << 13,
  REMOTE_IRR: 1 << 14,
  LEVEL: 1 << 15,
  MASKED: 1 << 16,
  TIMER_PERIODIC: 1 << 17,
  TIMER_TSC_DEADLINE: 1 << 18,
} as const;

/** Error status register (11.5.3). */
export const APIC_ESR = { SEND_ILLEGAL_VECTOR: 1 << 5, RECEIVE_ILLEGAL_VECTOR: 1 << 6 } as const;

/** Models of the destination format register, bits 28-31 (11.6.2.2). All other bits read 1. */
export const APIC_DFR = { FLAT: 0xffffffff, CLUSTER: 0x0fffffff } as const;

/** Divide configuration: bits 0, 1 and 3 count (11.5.4). */
export const APIC_DIVIDE_MASK = 0xb;
