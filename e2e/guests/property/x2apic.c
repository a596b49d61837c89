/* The local APIC in x2APIC mode: the way there and back, registers as MSRs, faults, interrupts to itself, the timer. */
#include "apic.h"
#include "boot.h"
#include "clock.h"
#include "expect.h"
#include "faults.h"
#include "interrupts.h"
#include "real-xen.h"
#include "shared-info.h"

#define VECTOR 0x51
#define BASE (APIC_ADDRESS | APIC_BASE_BOOT_VCPU)
#define DISABLED BASE
#define XAPIC (BASE | APIC_BASE_ENABLED)
#define X2APIC (XAPIC | APIC_BASE_X2APIC)

static volatile uint32_t taken;

static void take(struct interrupt_frame *frame) {
  (void)frame;
  taken++;
  x2apic_write(APIC_EOI, 0);
}

static bool register_faults(unsigned offset) {
  return read_msr_faults(MSR_X2APIC + offset / 16);
}

static bool write_faults(unsigned offset, uint64_t value) {
  return write_msr_faults(MSR_X2APIC + offset / 16, value);
}

static void check_modes(void) {
  check("no-msrs-before", register_faults(APIC_ID), 0, "a fault");
  check("invalid-mode", write_msr_faults(MSR_APIC_BASE, BASE | APIC_BASE_X2APIC), 0, "a fault");
  apic_write(APIC_TPR, 0x20);
  apic_write(APIC_LDR, 0x80000000);
  trying("x2APIC mode");
  write_msr(MSR_APIC_BASE, X2APIC);
  check_equal("base", read_msr(MSR_APIC_BASE), X2APIC);
  check("not-back-to-xapic", write_msr_faults(MSR_APIC_BASE, XAPIC), 0, "a fault");
  check_equal("no-page", apic_read(APIC_VERSION), 0xffffffff);
  check_equal("tpr-kept", x2apic_read(APIC_TPR), 0x20);
  x2apic_write(APIC_TPR, 0);
}

static void check_registers(void) {
  check_equal("id", x2apic_read(APIC_ID), XEN_APIC_ID(0));
  check_equal("version", x2apic_read(APIC_VERSION), XEN_APIC_VERSION);
  check_equal("logical-id", x2apic_read(APIC_LDR), 1);
  check("logical-id-read-only", write_faults(APIC_LDR, 1), 0, "a fault");
  check("id-read-only", write_faults(APIC_ID, 0), 0, "a fault");
  check("no-destination-format", register_faults(APIC_DFR), 0, "a fault");
  check("no-icr-high", register_faults(APIC_ICR_HIGH), 0, "a fault");
  check("self-ipi-write-only", register_faults(APIC_SELF_IPI), 0, "a fault");
  check("eoi-write-only", register_faults(APIC_EOI), 0, "a fault");
  check("eoi-0-only", write_faults(APIC_EOI, 1), 0, "a fault");
  check("high-half", write_faults(APIC_TPR, 1ull << 32), 0, "a fault");
  check("reserved-bits", write_faults(APIC_SPURIOUS, 1 << 10), 0, "a fault");
  check("reserved-msr", register_faults(0x400), 0, "a fault");
  x2apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  check_equal("spurious", x2apic_read(APIC_SPURIOUS), APIC_ENABLED | 0xff);
}

static void check_send(const char *name, uint64_t icr) {
  uint32_t before = taken;
  x2apic_write(APIC_ICR_LOW, icr | VECTOR);
  check_equal("icr", x2apic_read(APIC_ICR_LOW), icr | VECTOR);
  take_interrupts();
  check_equal(name, taken, before + 1);
}

static void check_interrupts(void) {
  check_send("by-id", (uint64_t)XEN_APIC_ID(0) << 32);
  check_send("broadcast", 0xffffffffull << 32);
  check_send("logical", 1ull << 32 | ICR_LOGICAL);
  check_send("self", ICR_SELF);
  uint32_t before = taken;
  x2apic_write(APIC_SELF_IPI, VECTOR);
  take_interrupts();
  check_equal("self-ipi", taken, before + 1);
  x2apic_write(APIC_SELF_IPI, 3);
  x2apic_write(APIC_ESR, 0);
  check_equal("illegal-vector", x2apic_read(APIC_ESR), ESR_SEND_ILLEGAL_VECTOR);
}

static void check_timer(void) {
  taken = 0;
  uint64_t begin = clock_now();
  x2apic_write(APIC_TIMER_DIVIDE, 0xb);
  x2apic_write(APIC_LVT_TIMER, VECTOR);
  x2apic_write(APIC_TIMER_INITIAL, 20 * MILLISECOND / XEN_APIC_CYCLE_NS);
  trying("timer");
  while (!taken) take_interrupts();
  check_equal("timer", taken, 1);
  /* Roughly: the guest's clock may be wrong over short times, on hosts whose TSC is no clock. */
  expect_at_least("timer-time", clock_now() - begin, 5 * MILLISECOND);
  /* Xen takes the bit whether CPUID shows the mode or not (guest_wrmsr_x2apic); without the mode it means nothing. */
  bool faults = write_faults(APIC_LVT_TIMER, 1 << 18 | VECTOR);
  check("no-tsc-deadline", faults == !real_xen(), faults, "a fault; none under Xen");
}

static void check_way_back(void) {
  trying("from x2APIC mode to xAPIC mode through disabled");
  write_msr(MSR_APIC_BASE, DISABLED);
  check("not-from-disabled", write_msr_faults(MSR_APIC_BASE, X2APIC), 0, "a fault");
  write_msr(MSR_APIC_BASE, XAPIC);
  check_equal("reset", apic_read(APIC_SPURIOUS), 0xff);
  check_equal("reset-logical-id", apic_read(APIC_LDR), 0);
}

_Noreturn void guest_main(void) {
  interrupts_init();
  shared_info_map();
  faults_catch();
  interrupt_handle(VECTOR, take);
  check_modes();
  check_registers();
  check_interrupts();
  check_timer();
  check_way_back();
  finish();
}
