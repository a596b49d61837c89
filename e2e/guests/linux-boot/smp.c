/* Bringing up the other vCPUs, what vCPUs send to each other, and taking them down. */
#include "clock.h"
#include "cpu.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "linux.h"
#include "text.h"
#include "verdict.h"
#include "wait.h"
#include "xen-sched.h"
#include "xen-vcpu.h"

#define STACK_SIZE 8192
#define UP_TIMEOUT (30 * SECOND)
#define XENPMU_INIT 4
#define MMUEXT_TLB_FLUSH_MULTI 8
#define MMUEXT_INVLPG_MULTI 9
#define IPIS 20

/* The order in which a kernel binds them. */
enum ipi { IPI_SPINLOCK, IPI_RESCHEDULE, IPI_CALL_FUNCTION, IPI_CALL_FUNCTION_SINGLE, IPI_IRQ_WORK, IPI_KINDS };

struct mmuext_op {
  uint32_t cmd;
  uint64_t linear_address;
  const volatile void *vcpu_mask;
};

_Static_assert(sizeof(struct mmuext_op) == 24, "mmuext_op");

void linux_ap_entry(void);
_Noreturn void linux_ap_main(unsigned cpu, unsigned is_secondary);

static uint8_t stacks[NR_CPUS][STACK_SIZE] __attribute__((aligned(PAGE_SIZE), section(".bss.stacks")));
static struct vcpu_guest_context context;
static unsigned ipi_ports[NR_CPUS][IPI_KINDS];
static volatile uint32_t online[NR_CPUS];
static volatile bool must_stop;
/* A spin lock whose waiter polls its port, and a word that one vCPU wants another to read again. */
static volatile uint32_t lock_wanted, lock_taken, lock_kicked;
static volatile uint32_t read_request, read_value;
static uint32_t pages_to_see[2][PAGE_SIZE / 4] ZEROED_PAGES;
static volatile uint32_t *const seen_word = (volatile uint32_t *)pages_to_see[0];

static void bind(unsigned cpu, unsigned first, unsigned behind) {
  for (unsigned kind = first; kind < behind; kind++) {
    ipi_ports[cpu][kind] = bind_ipi_to_cpu(cpu);
    /* The lock's port is only ever polled. */
    if (kind != IPI_SPINLOCK) unmask_port(ipi_ports[cpu][kind]);
  }
}

void smp_prepare_boot_cpu(void) {
  bind(0, IPI_SPINLOCK, IPI_KINDS);
  unmask_port(bind_virq_to_cpu(VIRQ_DEBUG, 0));
  if (!linux_variant.asks_for_more) return;
  uint64_t parameters[4] = {0};
  long result = hypercall_pointer(HYPERCALL_XENPMU_OP, XENPMU_INIT, parameters);
  check("xenpmu", result < 0, (uint32_t)result, "an error");
}

/* cpu_initialize_context: instruction and stack pointer, two arguments, CR3; everything else stays 0. */
static void initialise(unsigned cpu) {
  memset(&context, 0, sizeof context);
  context.user_regs.rip = (unsigned long)linux_ap_entry;
  context.user_regs.rdi = cpu;
  context.user_regs.rsi = 1;
  context.user_regs.rsp = (unsigned long)stacks[cpu] + STACK_SIZE;
  context.ctrlreg[3] = own_cr3();
  long result = hypercall_vcpu(VCPUOP_INITIALISE, cpu, &context);
  bug_on("initialise", result != 0, result);
}

static void boot_cpu(unsigned cpu) {
  if (linux_variant.flushes_by_hypercall) {
    register_runstate(cpu);
    setup_timer(cpu);
    bind(cpu, IPI_SPINLOCK, IPI_RESCHEDULE);
    initialise(cpu);
    bind(cpu, IPI_RESCHEDULE, IPI_KINDS);
    unmask_port(bind_virq_to_cpu(VIRQ_DEBUG, cpu));
  } else {
    setup_timer(cpu);
    bind(cpu, IPI_SPINLOCK, IPI_KINDS);
    unmask_port(bind_virq_to_cpu(VIRQ_DEBUG, cpu));
    register_runstate(cpu);
    initialise(cpu);
  }
  vcpu_info(cpu)->upcall_mask = 1;
  check_equal("still-down", (uint32_t)hypercall_vcpu(VCPUOP_IS_UP, cpu, NULL), 0);
  long result = hypercall_vcpu(VCPUOP_UP, cpu, NULL);
  bug_on("up", result != 0, result);
  uint64_t deadline = clock_now() + UP_TIMEOUT;
  while (!online[cpu] && clock_now() < deadline) {
    result = hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
    if (result) bug_on("yield", true, result);
  }
  bug_on("online", !online[cpu], cpu);
}

void smp_boot_cpus(void) {
  for (unsigned cpu = 1; cpu < cpus; cpu++) boot_cpu(cpu);
}

/* xen_lock_spinning: polls the port, which stays masked, until somebody kicks it. */
static void take_lock(unsigned cpu) {
  uint32_t port = ipi_ports[cpu][IPI_SPINLOCK];
  struct sched_poll poll = {&port, 1, 0};
  lock_wanted = cpu;
  while (!lock_kicked) {
    long result = hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, &poll);
    if (result) break;
  }
  lock_taken = lock_kicked;
}

_Noreturn void linux_ap_main(unsigned cpu, unsigned is_secondary) {
  interrupts_load(cpu);
  setup_cr0();
  check_equal("ap-argument", is_secondary, 1);
  stop_timer(cpu);
  online[cpu] = 1;
  while (!must_stop) {
    if (lock_wanted == cpu && !lock_taken) take_lock(cpu);
    uint32_t request = read_request;
    if (request >> 8 == cpu && (request & 0xff)) {
      read_value = *seen_word;
      read_request = 0;
    }
    /* Nothing may come in between the looks and the halt. */
    if (!must_stop && !read_request && !(lock_wanted == cpu && !lock_taken)) idle();
  }
  online[cpu] = 0;
  hypercall_vcpu(VCPUOP_DOWN, cpu, NULL);
  halt_forever();
}

/* For what another vCPU does, of which no event tells this one: where both share a processor, it is the other's turn then. */
static bool wait_yielding(wait_ready *ready, void *context, uint64_t timeout) {
  uint64_t deadline = clock_now() + timeout;
  while (!ready(context)) {
    if (clock_now() >= deadline) return false;
    hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  }
  return true;
}

static bool count_reached(void *context) {
  const unsigned *port = context;
  return events_seen[port[0]] >= port[1];
}

static void send_ipis(unsigned cpu) {
  for (unsigned kind = IPI_RESCHEDULE; kind < IPI_KINDS; kind++) {
    unsigned target[2] = {ipi_ports[cpu][kind], 0};
    for (uint32_t i = 0; i < IPIS; i++) {
      target[1] = events_seen[target[0]] + 1;
      long result = event_send(target[0]);
      if (result) bug_on("send", true, result);
      if (!wait_yielding(count_reached, target, 10 * SECOND)) bug_on("ipi-lost", true, (long)kind);
    }
    check("ipis", events_seen[target[0]] >= IPIS, events_seen[target[0]], "every one");
    check_equal("ipi-vcpu", events_vcpu[target[0]], cpu);
  }
}

static bool is_waiting(void *context) {
  return lock_wanted == *(unsigned *)context;
}

static bool is_taken(void *context) {
  (void)context;
  return lock_taken != 0;
}

static void kick_lock(unsigned cpu) {
  lock_taken = lock_kicked = 0;
  lock_wanted = cpu;
  event_send(ipi_ports[cpu][IPI_RESCHEDULE]);
  wait_yielding(is_waiting, &cpu, 10 * SECOND);
  clock_spin(20 * MILLISECOND);
  lock_kicked = 1;
  event_send(ipi_ports[cpu][IPI_SPINLOCK]);
  check("lock-kicked", wait_yielding(is_taken, NULL, 10 * SECOND), lock_taken, "the lock");
  lock_wanted = 0;
}

static bool is_read(void *context) {
  (void)context;
  return read_request == 0;
}

static uint32_t value_seen_by(unsigned cpu) {
  read_request = cpu << 8 | 1;
  event_send(ipi_ports[cpu][IPI_CALL_FUNCTION_SINGLE]);
  if (!wait_yielding(is_read, NULL, 10 * SECOND)) bug_on("read-by-other", true, cpu);
  return read_value;
}

/* Changes what stands at the word's address, and has the other vCPUs flush. */
static void flush(unsigned command, const void *frame) {
  static volatile unsigned long mask;
  mask = (1ul << cpus) - 1;
  set_page((unsigned long)seen_word, frame_of(frame));
  struct mmuext_op op = {command, (unsigned long)seen_word, &mask};
  long result = hypercall4(HYPERCALL_MMUEXT_OP, (unsigned long)&op, 1, 0, DOMID_SELF);
  bug_on("mmuext", result != 0, result);
  invalidate_page(seen_word);
}

static void flush_others(unsigned cpu) {
  static uint32_t *const own[] = {pages_to_see[0], pages_to_see[1]};
  pages_to_see[0][0] = 0x1111;
  pages_to_see[1][0] = 0x2222;
  check_equal("seen-before", value_seen_by(cpu), 0x1111);
  flush(MMUEXT_TLB_FLUSH_MULTI, own[1]);
  check_equal("seen-after-flush", value_seen_by(cpu), 0x2222);
  flush(MMUEXT_INVLPG_MULTI, own[0]);
  check_equal("seen-after-invlpg", value_seen_by(cpu), 0x1111);
}

void smp_work(void) {
  for (unsigned cpu = 1; cpu < cpus; cpu++) {
    send_ipis(cpu);
    kick_lock(cpu);
    if (linux_variant.flushes_by_hypercall) flush_others(cpu);
  }
}

static bool is_down(void *context) {
  return hypercall_vcpu(VCPUOP_IS_UP, *(unsigned *)context, NULL) == 0;
}

void smp_stop_cpus(void) {
  must_stop = true;
  for (unsigned cpu = 1; cpu < cpus; cpu++) {
    event_send(ipi_ports[cpu][IPI_RESCHEDULE]);
    check("down", wait_yielding(is_down, &cpu, 10 * SECOND), cpu, "a vCPU that is down");
  }
}
