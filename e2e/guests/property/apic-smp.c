/* Local APICs of two vCPUs: INIT and startup IPIs start the second one, then IPIs of every kind go between them. */
#include "apic-smp.h"
#include "apic.h"
#include "boot.h"
#include "clock.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "shared-info.h"
#include "smp.h"
#include "text.h"

#define IPI_VECTOR 0x51
#define COMMAND_VECTOR 0x61
#define AP 1
#define CR0_PE 1
#define MANY 200
/* Long enough for something to happen that must not happen. */
#define A_WHILE (100 * MILLISECOND)

extern const uint8_t trampoline[], trampoline_end[];
void startup_main(uint32_t cs, uint32_t cr0);

volatile uint32_t startup_stack;
static volatile uint32_t starts, startup_cs, startup_cr0, startup_id;
static volatile uint64_t startup_base;
static volatile uint32_t ipis[2], nmis[2], done;
static void (*volatile command)(void);
static volatile bool x2apic[2];

/* Waits without an end: the clock may jump on hosts whose TSC is no clock. What is waited for is the last line then. */
static void wait_for(const char *name, const volatile uint32_t *counter, uint32_t count) {
  trying(name);
  while (*counter < count) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
}

static void end_of_interrupt(void) {
  if (x2apic[current_vcpu()])
    x2apic_write(APIC_EOI, 0);
  else
    apic_write(APIC_EOI, 0);
}

static void count_ipi(struct interrupt_frame *frame) {
  (void)frame;
  ipis[current_vcpu()]++;
  end_of_interrupt();
}

static void count_nmi(struct interrupt_frame *frame) {
  (void)frame;
  nmis[current_vcpu()]++;
}

static void run_command(struct interrupt_frame *frame) {
  (void)frame;
  end_of_interrupt();
  command();
  done++;
}

/* The second vCPU, from the trampoline, in 32-bit protected mode. */
void startup_main(uint32_t cs, uint32_t cr0) {
  startup_cs = cs;
  startup_cr0 = cr0;
  startup_id = apic_read(APIC_ID) >> 24;
  startup_base = read_msr(MSR_APIC_BASE);
  interrupts_load(AP);
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  apic_write(APIC_LDR, 2u << 24);
  starts++;
  for (;;) wait_for_interrupt();
}

static void on_ap(void (*work)(void)) {
  uint32_t before = done;
  command = work;
  if (x2apic[0])
    x2apic_write(APIC_ICR_LOW, (uint64_t)XEN_APIC_ID(AP) << 32 | COMMAND_VECTOR);
  else
    apic_send(XEN_APIC_ID(AP), COMMAND_VECTOR);
  wait_for("command", &done, before + 1);
}

static void start_ap(const char *name) {
  uint32_t before = starts;
  memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
  startup_stack = (uint32_t)vcpu_stack_top(AP);
  apic_send(XEN_APIC_ID(AP), ICR_INIT | ICR_LEVEL | ICR_ASSERT);
  apic_send(XEN_APIC_ID(AP), ICR_INIT | ICR_LEVEL);
  clock_spin(10 * MILLISECOND);
  check_equal("waits-for-startup", starts, before);
  apic_send(XEN_APIC_ID(AP), ICR_STARTUP | ICR_ASSERT | TRAMPOLINE >> 12);
  wait_for(name, &starts, before + 1);
  check_equal(name, starts, before + 1);
  check_equal("is-up", (uint32_t)vcpu_is_up(AP), 1);
  check_equal("startup-cs", startup_cs, TRAMPOLINE >> 4);
  check_bits("startup-cr0", startup_cr0, CR0_PE, 0);
}

static void check_start(void) {
  check_equal("ap-is-down", (uint32_t)vcpu_is_up(AP), 0);
  start_ap("start");
  check_equal("ap-id", startup_id, XEN_APIC_ID(AP));
  check_equal("ap-base", startup_base, APIC_ADDRESS | APIC_BASE_ENABLED);
  apic_send(XEN_APIC_ID(AP), ICR_STARTUP | ICR_ASSERT | TRAMPOLINE >> 12);
  clock_spin(A_WHILE);
  check_equal("second-startup-ignored", starts, 1);
}

static void check_ipi(const char *name, uint32_t id, uint32_t icr, uint32_t to_self, uint32_t to_ap) {
  uint32_t self = ipis[0], ap = ipis[AP];
  apic_send(id, icr | IPI_VECTOR);
  wait_for(name, &ipis[AP], ap + to_ap);
  take_interrupts();
  if (!to_ap) clock_spin(A_WHILE);
  check_equal(name, (ipis[0] - self) << 8 | (ipis[AP] - ap), to_self << 8 | to_ap);
}

static void send_back(void) {
  apic_send(XEN_APIC_ID(0), IPI_VECTOR);
}

static void check_ipis(void) {
  apic_write(APIC_LDR, 1u << 24);
  check_ipi("to-id", XEN_APIC_ID(AP), 0, 0, 1);
  check_ipi("to-nobody", 1, 0, 0, 0);
  check_ipi("to-self", 0, ICR_SELF, 1, 0);
  check_ipi("to-all", 0, ICR_ALL, 1, 1);
  check_ipi("to-others", 0, ICR_ALL_BUT_SELF, 0, 1);
  check_ipi("to-broadcast", 0xff, 0, 1, 1);
  check_ipi("to-logical", 2, ICR_LOGICAL, 0, 1);
  check_ipi("to-both-logical", 3, ICR_LOGICAL, 1, 1);
  apic_write(APIC_TPR, 0x30);
  check_ipi("to-lowest-priority", 3, ICR_LOGICAL | ICR_LOWEST_PRIORITY, 0, 1);
  apic_write(APIC_TPR, 0);

  uint32_t before = ipis[0];
  on_ap(send_back);
  take_interrupts();
  check_equal("back", ipis[0], before + 1);

  apic_send(XEN_APIC_ID(AP), ICR_NMI | ICR_ASSERT);
  wait_for("nmi", &nmis[AP], 1);
  check_equal("nmi", nmis[AP], 1);
}

/* Many IPIs, each when the one before has been handled: none is lost, however the halt of the AP falls. */
static void check_many(void) {
  uint32_t begin = ipis[AP];
  trying("many IPIs");
  for (uint32_t i = 1; i <= MANY; i++) {
    apic_send(XEN_APIC_ID(AP), IPI_VECTOR);
    while (ipis[AP] < begin + i) relax();
  }
  check_equal("many", ipis[AP] - begin, MANY);
}

static void check_restart(void) {
  apic_send(XEN_APIC_ID(AP), ICR_INIT | ICR_ASSERT);
  trying("INIT");
  while (vcpu_is_up(AP) != 0) relax();
  check_equal("down-after-init", (uint32_t)vcpu_is_up(AP), 0);
  check_ipi("disabled-by-init", XEN_APIC_ID(AP), 0, 0, 0);
  start_ap("restart");
  check_ipi("after-restart", XEN_APIC_ID(AP), 0, 0, 1);
}

static void enter_x2apic(void) {
  unsigned vcpu = current_vcpu();
  write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
  x2apic[vcpu] = true;
}

static void send_back_x2apic(void) {
  x2apic_write(APIC_ICR_LOW, (uint64_t)XEN_APIC_ID(0) << 32 | IPI_VECTOR);
}

static void check_x2apic(void) {
  on_ap(enter_x2apic);
  enter_x2apic();
  uint32_t self = ipis[0], ap = ipis[AP];
  /* Both are in cluster 0, with the bits of their ids. */
  x2apic_write(APIC_ICR_LOW, 1ull << (32 + XEN_APIC_ID(AP)) | ICR_LOGICAL | IPI_VECTOR);
  wait_for("x2apic-logical", &ipis[AP], ap + 1);
  x2apic_write(APIC_ICR_LOW, 0xffffffffull << 32 | IPI_VECTOR);
  wait_for("x2apic-broadcast", &ipis[AP], ap + 2);
  take_interrupts();
  check_equal("x2apic-broadcast-self", ipis[0], self + 1);
  on_ap(send_back_x2apic);
  take_interrupts();
  check_equal("x2apic-back", ipis[0], self + 2);
}

_Noreturn void guest_main(void) {
  interrupts_init();
  shared_info_map();
  check("two-vcpus", vcpu_count() >= 2, vcpu_count(), "at least 2 (vcpus=2)");
  if (vcpu_count() < 2) finish();
  interrupt_handle(IPI_VECTOR, count_ipi);
  interrupt_handle(COMMAND_VECTOR, run_command);
  interrupt_handle(VECTOR_NMI, count_nmi);
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  check_start();
  check_ipis();
  check_many();
  check_restart();
  check_x2apic();
  finish();
}
