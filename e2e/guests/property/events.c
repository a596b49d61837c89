/* How events reach a vCPU: masks, the selector word, evtchn_upcall_pending and the interrupt flag. One vCPU is enough. */
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "real-xen.h"
#include "timer.h"

/* Enough for a hypervisor that looks at memory only now and then. */
#define UNSOLICITED (5 * SECOND)
#define OTHER_VECTOR 0x42

static unsigned port, other;
static volatile struct vcpu_info *info;

static unsigned ipi(void) {
  long bound = bind_ipi(0);
  if (bound <= 0) {
    expect_port("bind-ipi", bound);
    finish();
  }
  event_clear_mask((unsigned)bound);
  return (unsigned)bound;
}

static uint32_t seen(void) {
  return events_seen[port];
}

static void check_simple(void) {
  uint32_t before = seen(), upcalls = upcalls_seen[0];
  expect("send", event_send(port), 0);
  check_equal("send-pending", event_is_pending(port), true);
  check_equal("send-selector", info->pending_sel, 1ul << port / LONG_BITS);
  check_equal("send-upcall-pending", info->upcall_pending, 1);
  check_equal("interrupts-off-wait", seen(), before);
  expect("send-again", event_send(port), 0);
  take_interrupts();
  check_equal("interrupts-on-deliver", seen(), before + 1);
  check_equal("one-upcall", upcalls_seen[0], upcalls + 1);
  check_equal("not-pending-after", event_is_pending(port) | info->upcall_pending | info->pending_sel, 0);
  interrupts_on();
  expect("send-enabled", event_send(port), 0);
  take_interrupts();
  check_equal("delivered-at-once", seen(), before + 2);
}

static void check_mask(void) {
  uint32_t before = seen();
  event_mask(port);
  expect("send-masked", event_send(port), 0);
  check_equal("masked-pending", event_is_pending(port), true);
  check_equal("masked-no-upcall", info->upcall_pending | info->pending_sel, 0);
  take_interrupts();
  check_equal("masked-not-delivered", seen(), before);
  expect("unmask", event_unmask(port), 0);
  check_equal("unmask-clears-mask", event_is_masked(port), false);
  check_equal("unmask-upcall-pending", info->upcall_pending, 1);
  take_interrupts();
  check_equal("unmask-delivers", seen(), before + 1);
  expect("unmask-again", event_unmask(port), 0);
  check_equal("unmask-again-nothing", info->upcall_pending, 0);
}

/* A selector bit that stands already says that the guest was told. */
static void check_selector(void) {
  uint32_t before = seen();
  expect("selector-first", event_send(port), 0);
  info->upcall_pending = 0;
  expect("selector-second", event_send(other), 0);
  check_equal("selector-set-tells-nobody", info->upcall_pending, 0);
  take_interrupts();
  check_equal("cleared-upcall-not-taken", seen(), before);
  take_events(0);
  check_equal("both-were-pending", seen(), before + 1);
  check_equal("nothing-left", info->pending_sel, 0);
}

static void send_once_more(unsigned delivered) {
  if (events_seen[delivered] % 2) event_send(delivered);
}

static void check_raised_in_handler(void) {
  events_seen[other] = 0;
  event_handle(other, send_once_more);
  uint32_t upcalls = upcalls_seen[0];
  expect("send-handler", event_send(other), 0);
  take_interrupts();
  take_interrupts();
  check_equal("raised-in-handler", events_seen[other], 2);
  check_equal("second-upcall", upcalls_seen[0], upcalls + 2);
  event_handle(other, NULL);
}

/* evtchn_upcall_mask is for guests without an interrupt flag of their own. */
static void check_upcall_mask(void) {
  for (uint8_t mask = 0; mask < 2; mask++) {
    uint32_t before = seen();
    info->upcall_mask = mask;
    event_send(port);
    take_interrupts();
    check_equal(mask ? "upcall-mask-ignored" : "upcall-mask-clear", seen(), before + 1);
  }
}

static bool spin_for(uint32_t count) {
  uint64_t end = clock_now() + UNSOLICITED;
  interrupts_on();
  while (seen() < count && clock_now() < end) relax();
  interrupts_off();
  return seen() >= count;
}

/* Linux unmasks this way on classic PVH: everything in memory, no hypercall. */
static void pend_without_hypercall(void) {
  event_mask(port);
  event_send(port);
  event_clear_mask(port);
  __atomic_fetch_or(&info->pending_sel, 1ul << port / LONG_BITS, __ATOMIC_SEQ_CST);
  info->upcall_pending = 1;
}

static void check_set_by_guest(void) {
  uint32_t before = seen();
  trying("spin until an event comes that only memory tells of");
  pend_without_hypercall();
  check("set-by-guest-spinning", spin_for(before + 1), seen() - before, "one delivery without a hypercall");
  trying("halt with an event that only memory tells of");
  before = seen();
  pend_without_hypercall();
  wait_for_interrupt();
  check_equal("set-by-guest-halting", seen(), before + 1);
  before = seen();
  pend_without_hypercall();
  hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  take_interrupts();
  check_equal("set-by-guest-hypercall", seen(), before + 1);
  /* An upcall without any event is harmless. */
  uint32_t upcalls = upcalls_seen[0];
  info->upcall_pending = 1;
  hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  take_interrupts();
  check_equal("spurious-upcall", upcalls_seen[0], upcalls + 1);
  check_equal("spurious-no-event", seen(), before + 1);
}

static void check_halt(void) {
  uint32_t before = seen();
  trying("halt with an event pending");
  event_send(port);
  wait_for_interrupt();
  check_equal("halt-pending", seen(), before + 1);
  trying("halt until a timer event");
  unsigned timer = timer_bind(0);
  uint32_t ticks = events_seen[timer];
  uint64_t start = clock_now();
  set_singleshot_timer(start + 30 * MILLISECOND, 0);
  wait_for_interrupt();
  check_equal("halt-woken", events_seen[timer], ticks + 1);
  expect_at_least("halt-slept", clock_now() - start, 25 * MILLISECOND);
}

static void check_block(void) {
  unsigned timer = timer_bind(0);
  uint32_t ticks = events_seen[timer];
  uint64_t start = clock_now();
  trying("SCHEDOP_block until a timer event");
  /*
   * Again and again, because on a slow host the first may have come and gone before the block. Xen's own periodic timer stands
   * still while the vCPU is blocked: a single one, late enough, does there.
   */
  if (real_xen())
    set_singleshot_timer(start + 300 * MILLISECOND, 0);
  else
    set_periodic_timer(50 * MILLISECOND);
  interrupts_on();
  expect("block", hypercall(HYPERCALL_SCHED_OP, SCHEDOP_BLOCK, 0, 0), 0);
  take_interrupts();
  stop_periodic_timer();
  expect_at_least("block-slept", clock_now() - start, 45 * MILLISECOND);
  take_interrupts();
  expect_at_least("block-woken", events_seen[timer], ticks + 1);
  ticks = events_seen[timer] - 1;
  trying("SCHEDOP_block with interrupts off");
  set_singleshot_timer(clock_now() + 30 * MILLISECOND, 0);
  expect("block-off", hypercall(HYPERCALL_SCHED_OP, SCHEDOP_BLOCK, 0, 0), 0);
  check_equal("block-off-pending", event_is_pending(timer), true);
  take_interrupts();
  check_equal("block-off-woken", events_seen[timer], ticks + 2);
}

static volatile uint32_t other_vector_seen;

static void other_vector(struct interrupt_frame *frame) {
  (void)frame;
  other_vector_seen++;
  take_events(0);
}

static void check_vector_change(void) {
  uint32_t before = seen();
  interrupt_handle(OTHER_VECTOR, other_vector);
  expect("other-vector", set_callback_vector(OTHER_VECTOR), 0);
  event_send(port);
  take_interrupts();
  check_equal("other-vector-used", other_vector_seen, 1);
  check_equal("other-vector-delivers", seen(), before + 1);
  expect("first-vector", set_callback_vector(EVENT_VECTOR), 0);
  event_send(port);
  take_interrupts();
  check_equal("first-vector-used", other_vector_seen, 1);
  check_equal("first-vector-delivers", seen(), before + 2);
}

/* The second word of the bitmaps, and with it another selector bit. */
static void check_other_words(void) {
  unsigned high = other;
  while (high / LONG_BITS == port / LONG_BITS) high = ipi();
  expect("send-high", event_send(high), 0);
  expect("send-low", event_send(port), 0);
  check_equal("two-selectors", info->pending_sel, 1ul << high / LONG_BITS | 1ul << port / LONG_BITS);
  uint32_t before = seen(), upcalls = upcalls_seen[0];
  take_interrupts();
  check_equal("high-delivered", events_seen[high], 1);
  check_equal("low-delivered", seen(), before + 1);
  check_equal("two-in-one-upcall", upcalls_seen[0], upcalls + 1);
}

_Noreturn void guest_main(void) {
  events_init();
  info = vcpu_info(0);
  take_interrupts();
  port = ipi();
  other = ipi();
  check_simple();
  check_mask();
  check_selector();
  check_raised_in_handler();
  check_upcall_mask();
  check_set_by_guest();
  check_halt();
  check_block();
  check_vector_change();
  check_other_words();
  finish();
}
