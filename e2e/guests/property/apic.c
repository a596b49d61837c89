/* The local APIC in xAPIC mode: registers after power-on, priorities, interrupts to itself, errors. */
#include "apic.h"
#include "boot.h"
#include "expect.h"
#include "faults.h"
#include "interrupts.h"
#include "real-xen.h"

#define FIRST_VECTOR 0x51
#define SAME_CLASS_VECTOR 0x52
#define HIGH_VECTOR 0x91
#define ERROR_VECTOR 0xe1
#define LOGICAL_ID 0x04

static volatile uint32_t counts[256];
/* The vectors in the order in which they were handled, one byte each. */
static volatile uint64_t order;
static volatile bool in_service, requested;
static bool acknowledge = true;

static void take(struct interrupt_frame *frame) {
  uint8_t vector = (uint8_t)frame->vector;
  counts[vector]++;
  order = order << 8 | vector;
  in_service = apic_bit(APIC_ISR, vector);
  requested = apic_bit(APIC_IRR, vector);
  if (acknowledge) apic_write(APIC_EOI, 0);
}

static void check_cpuid(void) {
  struct cpuid features = cpuid(1);
  check_bits("cpuid-apic", features.edx, 1 << 9, 1 << 9);
  check_bits("cpuid-x2apic", features.ecx, 1 << 21, 1 << 21);
  check_bits("cpuid-no-tsc-deadline", features.ecx, 1 << 24, 0);
  check_equal("cpuid-apic-id", features.ebx >> 24, XEN_APIC_ID(0));
}

static void check_power_on(void) {
  check_equal("base", read_msr(MSR_APIC_BASE), APIC_ADDRESS | APIC_BASE_ENABLED | APIC_BASE_BOOT_VCPU);
  check_equal("id", apic_read(APIC_ID), 0);
  check_equal("version", apic_read(APIC_VERSION), XEN_APIC_VERSION);
  check_equal("spurious", apic_read(APIC_SPURIOUS), 0xff);
  check_equal("destination-format", apic_read(APIC_DFR), 0xffffffff);
  check_equal("logical-destination", apic_read(APIC_LDR), 0);
  for (unsigned lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
    check_equal("lvt-masked", apic_read(lvt), APIC_MASKED);
  check_equal("timer", apic_read(APIC_TIMER_CURRENT), 0);
}

static void check_registers(void) {
  apic_write(APIC_LVT_ERROR, ERROR_VECTOR);
  check_equal("lvt-stays-masked", apic_read(APIC_LVT_ERROR), APIC_MASKED | ERROR_VECTOR);
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  apic_write(APIC_LVT_LINT0, 0xffffffff);
  /* Xen keeps delivery status and remote IRR as well, which are the processor's to write (LINT_MASK of its vlapic.c). */
  check_equal("lint0", apic_read(APIC_LVT_LINT0), real_xen() ? 0x1f7ff : 0x1a7ff);
  apic_write(APIC_LVT_LINT0, APIC_MASKED);
  apic_write(APIC_VERSION, 0);
  check_equal("version-read-only", apic_read(APIC_VERSION), XEN_APIC_VERSION);
  check_equal("byte", *(volatile uint8_t *)(APIC_ADDRESS + APIC_VERSION + 2), XEN_APIC_VERSION >> 16);
  check_equal("word", *(volatile uint16_t *)(APIC_ADDRESS + APIC_VERSION), XEN_APIC_VERSION & 0xffff);
  check_equal("between-registers", apic_read(APIC_VERSION + 4), 0);
  check_equal("beyond", apic_read(0xff0), 0);
  apic_write(0xff0, ~0u);
}

static void check_delivery(const char *name, uint32_t id, uint32_t icr) {
  uint32_t before = counts[FIRST_VECTOR];
  apic_send(id, icr | FIRST_VECTOR);
  check("requested", apic_bit(APIC_IRR, FIRST_VECTOR), icr, "the bit in IRR");
  take_interrupts();
  check_equal(name, counts[FIRST_VECTOR], before + 1);
  check("in-service", in_service && !requested, icr, "the bit in ISR alone");
  check("ended", !apic_bit(APIC_ISR, FIRST_VECTOR), icr, "no bit in ISR");
}

static void check_destinations(void) {
  check_delivery("self", 0x55, ICR_SELF);
  check_delivery("all", 0x55, ICR_ALL);
  check_delivery("by-id", XEN_APIC_ID(0), 0);
  check_delivery("broadcast", 0xff, 0);
  apic_write(APIC_LDR, LOGICAL_ID << 24);
  check_delivery("flat", LOGICAL_ID | 0x80, ICR_LOGICAL);
  check_delivery("lowest-priority", 0xff, ICR_LOWEST_PRIORITY);
  apic_write(APIC_DFR, 0);
  check_delivery("cluster", LOGICAL_ID | 1, ICR_LOGICAL);
  apic_send(LOGICAL_ID | 0x10, ICR_LOGICAL | FIRST_VECTOR);
  check("other-cluster", !apic_bit(APIC_IRR, FIRST_VECTOR), 0, "nothing requested");
  apic_write(APIC_DFR, ~0u);
  apic_send(0, ICR_ALL_BUT_SELF | FIRST_VECTOR);
  check("all-but-self", !apic_bit(APIC_IRR, FIRST_VECTOR), 0, "nothing requested");
}

static void check_priorities(void) {
  /*
   * QEMU's SVM, on which a Xen host may be emulated, lets an interrupt of the TPR's own class through to Xen, which knows
   * better and waits for it again, for ever. So under Xen the TPR is of the class above.
   */
  uint32_t priority = real_xen() ? 0x63 : 0x53;
  apic_write(APIC_TPR, priority);
  check_equal("processor-priority", apic_read(APIC_PPR), priority);
  order = 0;
  apic_send(0, ICR_SELF | FIRST_VECTOR);
  apic_send(0, ICR_SELF | HIGH_VECTOR);
  apic_send(0, ICR_SELF | SAME_CLASS_VECTOR);
  take_interrupts();
  check_equal("above-tpr-only", order, HIGH_VECTOR);
  apic_write(APIC_TPR, 0);
  take_interrupts();
  take_interrupts();
  check_equal("highest-first", order, HIGH_VECTOR << 16 | SAME_CLASS_VECTOR << 8 | FIRST_VECTOR);

  acknowledge = false;
  order = 0;
  apic_send(0, ICR_SELF | FIRST_VECTOR);
  take_interrupts();
  apic_send(0, ICR_SELF | FIRST_VECTOR);
  apic_send(0, ICR_SELF | SAME_CLASS_VECTOR);
  take_interrupts();
  check_equal("own-class-waits", order, FIRST_VECTOR);
  check_equal("priority-in-service", apic_read(APIC_PPR), FIRST_VECTOR & 0xf0);
  apic_send(0, ICR_SELF | HIGH_VECTOR);
  take_interrupts();
  check_equal("higher-class-comes", order, FIRST_VECTOR << 8 | HIGH_VECTOR);
  acknowledge = true;
  apic_write(APIC_EOI, 0);
  take_interrupts();
  check_equal("first-still-in-service", order, FIRST_VECTOR << 8 | HIGH_VECTOR);
  apic_write(APIC_EOI, 0);
  take_interrupts();
  take_interrupts();
  check_equal("after-eoi", (uint32_t)order,
              (uint32_t)FIRST_VECTOR << 24 | HIGH_VECTOR << 16 | SAME_CLASS_VECTOR << 8 | FIRST_VECTOR);
}

static uint32_t errors(void) {
  apic_write(APIC_ESR, 0);
  return apic_read(APIC_ESR);
}

static void check_errors(void) {
  check_equal("no-error", errors(), 0);
  apic_write(APIC_LVT_ERROR, ERROR_VECTOR);
  apic_send(0, ICR_SELF | 0x0f);
  take_interrupts();
  check_equal("error-interrupt", counts[ERROR_VECTOR], 1);
  check_equal("send-illegal", errors(), ESR_SEND_ILLEGAL_VECTOR);
  /* Xen before 4.18.5 and 4.19.2 takes no notice of what is written there, so that an error is shown for ever. */
  bool stays = real_xen() && real_xen() < XEN_RELEASE(4, 18);
  check_equal("errors-once", errors(), stays ? ESR_SEND_ILLEGAL_VECTOR : 0);
  apic_write(APIC_LVT_ERROR, APIC_MASKED);
}

static void check_disabled(void) {
  apic_write(APIC_SPURIOUS, 0xff);
  apic_send(0, ICR_SELF | FIRST_VECTOR);
  check("disabled", !apic_bit(APIC_IRR, FIRST_VECTOR), 0, "nothing requested");
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  faults_catch();
  check("base-fixed", write_msr_faults(MSR_APIC_BASE, 0xfed00000 | APIC_BASE_ENABLED), 0, "a fault");
  check("base-reserved", write_msr_faults(MSR_APIC_BASE, APIC_ADDRESS | APIC_BASE_ENABLED | 1), 0, "a fault");
  check("no-x2apic-msr", read_msr_faults(MSR_X2APIC + APIC_VERSION / 16), 0, "a fault");
  trying("no APIC at all, then one again");
  write_msr(MSR_APIC_BASE, APIC_ADDRESS | APIC_BASE_BOOT_VCPU);
  check_equal("no-page", apic_read(APIC_VERSION), 0xffffffff);
  write_msr(MSR_APIC_BASE, APIC_ADDRESS | APIC_BASE_ENABLED | APIC_BASE_BOOT_VCPU);
  check_power_on();
}

_Noreturn void guest_main(void) {
  interrupts_init();
  interrupt_handle(FIRST_VECTOR, take);
  interrupt_handle(SAME_CLASS_VECTOR, take);
  interrupt_handle(HIGH_VECTOR, take);
  interrupt_handle(ERROR_VECTOR, take);
  check_cpuid();
  check_power_on();
  check_registers();
  check_destinations();
  check_priorities();
  check_errors();
  check_disabled();
  finish();
}
