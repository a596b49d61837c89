#include "wait.h"
#include "clock.h"
#include "hypercall.h"
#include "interrupts.h"
#include "timer.h"

static bool halts;

void wait_by_halting(void) {
  timer_bind(0);
  halts = true;
}

static bool wait_yielding(wait_ready *ready, void *context, uint64_t deadline) {
  while (!ready(context)) {
    if (clock_now() >= deadline) return false;
    hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  }
  return true;
}

/* Interrupts are off from the look to the halt, so that an event in between ends the halt at once. */
static bool wait_halting(wait_ready *ready, void *context, uint64_t deadline) {
  bool enabled = interrupts_enabled();
  interrupts_off();
  set_singleshot_timer(deadline, 0);
  bool is_ready = ready(context);
  while (!is_ready && clock_now() < deadline) {
    wait_for_interrupt();
    is_ready = ready(context);
  }
  stop_singleshot_timer();
  if (enabled) interrupts_on();
  return is_ready;
}

bool wait_until(wait_ready *ready, void *context, uint64_t timeout) {
  if (ready(context)) return true;
  uint64_t deadline = clock_now() + timeout;
  return halts ? wait_halting(ready, context, deadline) : wait_yielding(ready, context, deadline);
}
