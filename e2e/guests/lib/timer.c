#include "timer.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "verdict.h"

static unsigned ports[LEGACY_MAX_VCPUS];

unsigned timer_bind(unsigned vcpu) {
  if (ports[vcpu]) return ports[vcpu];
  long port = bind_virq(VIRQ_TIMER, vcpu);
  if (port <= 0) {
    check("bind-timer", false, (unsigned long)port, "a port");
    finish();
  }
  ports[vcpu] = (unsigned)port;
  event_unmask((unsigned)port);
  return ports[vcpu];
}

unsigned timer_port(unsigned vcpu) {
  return ports[vcpu];
}

uint32_t timer_ticks(unsigned vcpu) {
  return events_seen[ports[vcpu]];
}

long set_singleshot_timer(uint64_t deadline, uint32_t flags) {
  struct vcpu_set_singleshot_timer timer = {deadline, flags};
  return hypercall_vcpu(VCPUOP_SET_SINGLESHOT_TIMER, current_vcpu(), &timer);
}

long stop_singleshot_timer(void) {
  return hypercall_vcpu(VCPUOP_STOP_SINGLESHOT_TIMER, current_vcpu(), NULL);
}

long set_periodic_timer(uint64_t period) {
  struct vcpu_set_periodic_timer timer = {period};
  return hypercall_vcpu(VCPUOP_SET_PERIODIC_TIMER, current_vcpu(), &timer);
}

long stop_periodic_timer(void) {
  return hypercall_vcpu(VCPUOP_STOP_PERIODIC_TIMER, current_vcpu(), NULL);
}

void sleep_until(uint64_t deadline) {
  unsigned vcpu = current_vcpu();
  bool enabled = interrupts_enabled();
  timer_bind(vcpu);
  interrupts_off();
  while (clock_now() < deadline) {
    set_singleshot_timer(deadline, 0);
    wait_for_interrupt();
  }
  if (enabled) interrupts_on();
}

void sleep_for(uint64_t nanoseconds) {
  sleep_until(clock_now() + nanoseconds);
}

bool wait_for_count(const volatile uint32_t *counter, uint32_t count, uint64_t timeout) {
  uint64_t deadline = clock_now() + timeout;
  timer_bind(current_vcpu());
  while (*counter < count && clock_now() < deadline) {
    set_singleshot_timer(deadline, 0);
    wait_for_interrupt();
  }
  stop_singleshot_timer();
  return *counter >= count;
}
