/* The timer of each vCPU, and idling. */
#include "clock.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "linux.h"
#include "verdict.h"
#include "wait.h"
#include "xen-vcpu.h"

#define TICK (4 * MILLISECOND)
#define TICKS 100
#define VMASST_CMD_ENABLE 0
#define VMASST_RUNSTATE_UPDATE_FLAG 5

static unsigned timer_ports[NR_CPUS];

static void vcpuop(const char *name, unsigned operation, unsigned cpu) {
  long result = hypercall_vcpu(operation, cpu, NULL);
  bug_on(name, result != 0, result);
}

/* xen_vcpuop_set_next_event: a time that has passed goes off at once. */
void tick(uint64_t deadline) {
  struct vcpu_set_singleshot_timer timer = {deadline, 0};
  long result = hypercall_vcpu(VCPUOP_SET_SINGLESHOT_TIMER, current_vcpu(), &timer);
  if (result) bug_on("set-singleshot-timer", true, result);
}

void idle(void) {
  tick(clock_now() + TICK);
  wait_for_interrupt();
}

bool wait_until(wait_ready *ready, void *context, uint64_t timeout) {
  uint64_t deadline = clock_now() + timeout;
  while (!ready(context)) {
    if (clock_now() >= deadline) return false;
    idle();
  }
  return true;
}

/* xen_setup_timer: bound by vCPU 0 for all. */
void setup_timer(unsigned cpu) {
  timer_ports[cpu] = bind_virq_to_cpu(VIRQ_TIMER, cpu);
  unmask_port(timer_ports[cpu]);
}

/* The clock event device of a vCPU is shut down before its first use. */
void stop_timer(unsigned cpu) {
  vcpuop("stop-singleshot", VCPUOP_STOP_SINGLESHOT_TIMER, cpu);
  vcpuop("stop-periodic", VCPUOP_STOP_PERIODIC_TIMER, cpu);
  vcpuop("stop-periodic", VCPUOP_STOP_PERIODIC_TIMER, cpu);
}

void time_init(void) {
  /* Without success the kernel uses set_timer_op, which classic guests do not have. */
  vcpuop("choose-vcpuop-timer", VCPUOP_STOP_PERIODIC_TIMER, 0);
  register_runstate(0);
  setup_timer(0);
  stop_timer(0);
  uint32_t before = events_seen[timer_ports[0]];
  uint64_t end = clock_now() + 100 * MILLISECOND;
  tick(clock_now() - MILLISECOND);
  while (events_seen[timer_ports[0]] == before && clock_now() < end) take_interrupts();
  check("past-deadline", events_seen[timer_ports[0]] > before, events_seen[timer_ports[0]], "at once");
  if (!linux_variant.asks_for_more) return;
  long result = hypercall(HYPERCALL_VM_ASSIST, VMASST_CMD_ENABLE, VMASST_RUNSTATE_UPDATE_FLAG, 0);
  tolerates("vm-assist", result, 0, XEN_ENOSYS);
}

/* One shot after the other, each in the idle loop. */
void run_timer(void) {
  uint64_t start = clock_now();
  uint32_t before = events_seen[timer_ports[0]];
  for (uint32_t i = 0; i < TICKS; i++) {
    uint32_t seen = events_seen[timer_ports[0]];
    tick(clock_now() + TICK);
    while (events_seen[timer_ports[0]] == seen) wait_for_interrupt();
  }
  check("ticks", events_seen[timer_ports[0]] - before >= TICKS, events_seen[timer_ports[0]] - before, "one for each");
  check("ticks-time", clock_now() - start >= TICKS * TICK, clock_now() - start, "not early");
}
