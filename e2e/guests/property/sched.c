/* SCHED_OP: yield, poll with and without events and timeouts, the watchdog timers, and what is refused. */
#include "address.h"
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "timer.h"
#include "xen-sched.h"

#define MOST_PORTS 128
/* What the clocks of guest and host may be apart. */
#define EARLY 100000
/* A host under load may be late, but not by this much. */
#define LATE (5 * SECOND)

static uint32_t ports[MOST_PORTS + 1];
static unsigned a, b;

static long poll(uint32_t count, uint64_t timeout) {
  struct sched_poll argument = {ports, count, timeout};
  return hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, &argument);
}

static long watchdog(uint32_t id, uint32_t seconds) {
  struct sched_watchdog argument = {id, seconds};
  return hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_WATCHDOG, &argument);
}

static void check_yield(void) {
  struct tally results = {0};
  for (unsigned i = 0; i < 100; i++)
    tally_item(&results, i, (unsigned long)hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0), 0);
  check_tally("yield", &results);
}

/* Masked ports are what polling is for: Linux's spinlocks. */
static void check_poll_ready(void) {
  event_mask(a);
  event_mask(b);
  event_send(b);
  ports[0] = a;
  ports[1] = b;
  trying("poll with a port that is pending");
  expect("poll-ready", poll(2, 0), 0);
  check_equal("poll-leaves-pending", event_is_pending(b), true);
  ports[0] = b;
  expect("poll-one-ready", poll(1, 0), 0);
  event_clear_pending(b);
}

static void check_poll_timeout(const char *name, uint32_t count) {
  uint64_t start = clock_now();
  trying(name);
  for (uint32_t i = 0; i < count; i++) ports[i] = i % 2 ? a : b;
  expect("poll-timeout", poll(count, start + 50 * MILLISECOND), 0);
  uint64_t slept = clock_now() - start;
  check(name, slept + EARLY >= 50 * MILLISECOND && slept < LATE, slept, "50 ms and little more");
  start = clock_now();
  expect("poll-timeout-past", poll(count, 1), 0);
  check("poll-timeout-past-at-once", clock_now() - start < LATE, clock_now() - start, "no time");
}

/* The timer's own port, masked: nothing is delivered, but the poll ends. */
static void check_poll_woken(void) {
  unsigned timer = timer_bind(0);
  uint64_t start = clock_now();
  event_mask(timer);
  set_singleshot_timer(start + 30 * MILLISECOND, 0);
  ports[0] = timer;
  trying("poll until the timer's port is pending");
  expect("poll-woken", poll(1, start + 10 * SECOND), 0);
  uint64_t slept = clock_now() - start;
  check("poll-woken-time", slept + EARLY >= 30 * MILLISECOND && slept < LATE, slept, "30 ms and little more");
  check_equal("poll-woken-pending", event_is_pending(timer), true);
  check_equal("poll-woken-not-delivered", events_seen[timer], 0);
  event_clear_pending(timer);
  /* No timeout: for ever, or until the event. */
  set_singleshot_timer(clock_now() + 30 * MILLISECOND, 0);
  expect("poll-for-ever", poll(1, 0), 0);
  check_equal("poll-for-ever-pending", event_is_pending(timer), true);
  event_clear_pending(timer);
  event_clear_mask(timer);
}

/* An event that is to be delivered ends a poll for other ports. */
static void check_poll_upcall(void) {
  unsigned timer = timer_bind(0);
  uint32_t ticks = events_seen[timer];
  uint64_t start = clock_now();
  /* Long enough that it does not come before the poll. */
  set_singleshot_timer(start + 300 * MILLISECOND, 0);
  ports[0] = a;
  trying("poll until an upcall");
  interrupts_on();
  expect("poll-upcall", poll(1, start + 10 * SECOND), 0);
  take_interrupts();
  check_equal("poll-upcall-delivered", events_seen[timer], ticks + 1);
  check("poll-upcall-time", clock_now() - start < LATE, clock_now() - start, "300 ms and little more");
}

static void check_poll_refused(void) {
  struct sched_poll argument = {BAD_POINTER, 1, 1};
  for (uint32_t i = 0; i <= MOST_PORTS; i++) ports[i] = a;
  expect("poll-most", poll(MOST_PORTS, 1), 0);
  expect("poll-too-many", poll(MOST_PORTS + 1, 1), XEN_EINVAL);
  expect("poll-far-too-many", poll(0xffffffff, 1), XEN_EINVAL);
  expect("poll-bad-ports", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, &argument), XEN_EFAULT);
  expect("poll-bad-pointer", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, BAD_POINTER), XEN_EFAULT);
  ports[0] = 0x7fffffff;
  expect("poll-no-port", poll(1, 1), XEN_EINVAL);
}

static void check_watchdog(void) {
  expect("watchdog-free-id", watchdog(1, 100), XEN_EINVAL);
  expect("watchdog-no-id", watchdog(3, 100), XEN_EINVAL);
  expect("watchdog-first", watchdog(0, 100), 1);
  expect("watchdog-second", watchdog(0, 100), 2);
  expect("watchdog-third", watchdog(0, 100), XEN_ENOSPC);
  expect("watchdog-disarm-second", watchdog(2, 0), 0);
  expect("watchdog-disarm-again", watchdog(2, 0), XEN_EINVAL);
  expect("watchdog-short", watchdog(1, 3), 0);
  for (unsigned i = 0; i < 4; i++) {
    sleep_for(SECOND);
    expect("watchdog-pet", watchdog(1, 3), 0);
  }
  expect("watchdog-disarm", watchdog(1, 0), 0);
  sleep_for(4 * SECOND);
  expect("watchdog-bad-pointer", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_WATCHDOG, BAD_POINTER), XEN_EFAULT);
}

static void check_refused(void) {
  struct {
    uint16_t domain;
    uint32_t reason;
  } remote = {0x7000, 0};
  expect("unknown", hypercall_pointer(HYPERCALL_SCHED_OP, 99, &remote), XEN_ENOSYS);
  expect("shutdown-bad-pointer", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_SHUTDOWN, BAD_POINTER), XEN_EFAULT);
  expect("remote-shutdown", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_REMOTE_SHUTDOWN, &remote), XEN_ESRCH);
  expect("pin-override", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_PIN_OVERRIDE, &remote), XEN_EPERM);
}

_Noreturn void guest_main(void) {
  events_init();
  take_interrupts();
  a = (unsigned)bind_ipi(0);
  b = (unsigned)bind_ipi(0);
  check_yield();
  check_poll_ready();
  check_poll_timeout("poll-no-ports", 0);
  check_poll_timeout("poll-one-port", 1);
  check_poll_timeout("poll-many-ports", MOST_PORTS);
  check_poll_woken();
  check_poll_upcall();
  check_poll_refused();
  check_watchdog();
  check_refused();
  finish();
}
