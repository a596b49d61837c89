/* The local APIC of direct guests, as memory at its reset address (xAPIC) and as MSRs (x2APIC). Register numbers: Intel SDM 3A, 11. */
#pragma once
#include "cpu.h"

enum {
  APIC_ID = 0x20,
  APIC_VERSION = 0x30,
  APIC_TPR = 0x80,
  APIC_PPR = 0xa0,
  APIC_EOI = 0xb0,
  APIC_LDR = 0xd0,
  APIC_DFR = 0xe0,
  APIC_SPURIOUS = 0xf0,
  APIC_ISR = 0x100,
  APIC_IRR = 0x200,
  APIC_ESR = 0x280,
  APIC_ICR_LOW = 0x300,
  APIC_ICR_HIGH = 0x310,
  APIC_LVT_TIMER = 0x320,
  APIC_LVT_LINT0 = 0x350,
  APIC_LVT_ERROR = 0x370,
  APIC_TIMER_INITIAL = 0x380,
  APIC_TIMER_CURRENT = 0x390,
  APIC_TIMER_DIVIDE = 0x3e0,
  APIC_SELF_IPI = 0x3f0,
};

/* Bits of the ICR besides the vector. */
enum {
  ICR_LOWEST_PRIORITY = 1 << 8,
  ICR_NMI = 4 << 8,
  ICR_INIT = 5 << 8,
  ICR_STARTUP = 6 << 8,
  ICR_LOGICAL = 1 << 11,
  ICR_ASSERT = 1 << 14,
  ICR_LEVEL = 1 << 15,
  ICR_SELF = 1 << 18,
  ICR_ALL = 2 << 18,
  ICR_ALL_BUT_SELF = 3 << 18,
};

#define ESR_SEND_ILLEGAL_VECTOR (1u << 5)
#define ESR_RECEIVE_ILLEGAL_VECTOR (1u << 6)

/* Xen's numbers, and its bus clock of 100 MHz. */
#define XEN_APIC_VERSION 0x50014
#define XEN_APIC_ID(vcpu) (2 * (vcpu))
#define XEN_APIC_CYCLE_NS 10

#define APIC_ADDRESS 0xfee00000ul
#define APIC_ENABLED (1u << 8)
#define APIC_MASKED (1u << 16)
#define APIC_PERIODIC (1u << 17)

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_BOOT_VCPU (1u << 8)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLED (1u << 11)
#define MSR_X2APIC 0x800u

static inline uint32_t apic_read(unsigned offset) {
  return *(volatile uint32_t *)(APIC_ADDRESS + offset);
}

static inline void apic_write(unsigned offset, uint32_t value) {
  *(volatile uint32_t *)(APIC_ADDRESS + offset) = value;
}

/* In xAPIC mode. */
static inline void apic_send(uint32_t id, uint32_t icr) {
  apic_write(APIC_ICR_HIGH, id << 24);
  apic_write(APIC_ICR_LOW, icr);
}

static inline bool apic_bit(unsigned bitmap, uint8_t vector) {
  return apic_read(bitmap + vector / 32 * 16) >> vector % 32 & 1;
}

static inline uint64_t x2apic_read(unsigned offset) {
  return read_msr(MSR_X2APIC + offset / 16);
}

static inline void x2apic_write(unsigned offset, uint64_t value) {
  write_msr(MSR_X2APIC + offset / 16, value);
}
