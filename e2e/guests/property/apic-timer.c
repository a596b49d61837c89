/* The timer of the local APIC: one shot and periodic, masked and stopped, its bus clock, waking from HLT. */
#include "apic.h"
#include "boot.h"
#include "clock.h"
#include "expect.h"
#include "interrupts.h"
#include "real-xen.h"
#include "shared-info.h"

#define TIMER_VECTOR 0x61
#define DIVIDE_BY_1 0xb
#define DIVIDE_BY_16 0x3
#define CYCLES(nanoseconds) ((uint32_t)((nanoseconds) / XEN_APIC_CYCLE_NS))
/* How far the guest's clock may be wrong over short times, on hosts whose TSC is no clock. */
#define CLOCK_ERROR 4

static volatile uint32_t ticks;
/* The handler stops the timer at this count: a slow host may do nothing but handle the ticks of a short period. */
static volatile uint32_t last_of = ~0u;
static volatile uint64_t last_tick;

static void tick(struct interrupt_frame *frame) {
  (void)frame;
  last_tick = clock_now();
  if (++ticks == last_of) apic_write(APIC_TIMER_INITIAL, 0);
  apic_write(APIC_EOI, 0);
}

static void start(uint32_t lvt, uint32_t divide, uint32_t count) {
  apic_write(APIC_TIMER_DIVIDE, divide);
  apic_write(APIC_LVT_TIMER, lvt | TIMER_VECTOR);
  apic_write(APIC_TIMER_INITIAL, count);
}

static void stop(void) {
  apic_write(APIC_TIMER_INITIAL, 0);
  take_interrupts();
}

/* Without an end, because the clock may be wrong: what is waited for is the last line then. */
static void spin_until(const char *name, uint32_t count) {
  trying(name);
  while (ticks < count) take_interrupts();
}

static void check_one_shot(void) {
  uint64_t begin = clock_now();
  start(0, DIVIDE_BY_1, CYCLES(20 * MILLISECOND));
  spin_until("one-shot", 1);
  expect_at_least("one-shot-time", last_tick - begin, 20 * MILLISECOND / CLOCK_ERROR);
  check_equal("stopped-at-0", apic_read(APIC_TIMER_CURRENT), 0);
  check_equal("initial-count-stays", apic_read(APIC_TIMER_INITIAL), CYCLES(20 * MILLISECOND));
  clock_spin(50 * MILLISECOND);
  take_interrupts();
  check_equal("once", ticks, 1);

  ticks = 0;
  begin = clock_now();
  start(0, DIVIDE_BY_16, CYCLES(32 * MILLISECOND / 16));
  trying("halt until the timer interrupts");
  while (ticks == 0) wait_for_interrupt();
  expect_at_least("divided-by-16", last_tick - begin, 32 * MILLISECOND / CLOCK_ERROR);
}

static void check_count(void) {
  start(APIC_MASKED, DIVIDE_BY_1, 0xffffffff);
  uint64_t before = clock_now();
  uint32_t first = apic_read(APIC_TIMER_CURRENT);
  uint64_t between = clock_now();
  clock_spin(20 * MILLISECOND);
  uint64_t after = clock_now();
  uint32_t second = apic_read(APIC_TIMER_CURRENT);
  uint64_t end = clock_now();
  uint64_t passed = (uint64_t)(first - second) * XEN_APIC_CYCLE_NS;
  check("count", passed >= (after - between) / CLOCK_ERROR, passed, "the time between the readings");
  check("count-not-too-fast", passed <= (end - before) * CLOCK_ERROR, passed, "the time around them");
  stop();
}

static void check_periodic(void) {
  ticks = 0;
  uint64_t begin = clock_now();
  start(APIC_PERIODIC, DIVIDE_BY_1, CYCLES(10 * MILLISECOND));
  spin_until("periodic", 5);
  /* Interrupts that are late or missed are not made up for in a burst. */
  expect_at_least("periodic-time", last_tick - begin, 5 * 10 * MILLISECOND / CLOCK_ERROR);
  check("count-runs", apic_read(APIC_TIMER_CURRENT) > 0, 0, "a count");

  apic_write(APIC_LVT_TIMER, APIC_PERIODIC | APIC_MASKED | TIMER_VECTOR);
  take_interrupts();
  uint32_t seen = ticks;
  clock_spin(50 * MILLISECOND);
  take_interrupts();
  check_equal("masked", ticks, seen);
  apic_write(APIC_LVT_TIMER, APIC_PERIODIC | TIMER_VECTOR);
  spin_until("unmasked", seen + 2);

  stop();
  seen = ticks;
  clock_spin(50 * MILLISECOND);
  take_interrupts();
  check_equal("stopped", ticks, seen);
}

/*
 * Many periods pass while interrupts are off: they make one interrupt, or two when the next is due meanwhile. Xen delivers all
 * that were missed one after the other, since its toolstack's default is timer_mode no_delay_for_missed_ticks.
 */
static void check_missed(void) {
  ticks = 0;
  start(APIC_PERIODIC, DIVIDE_BY_1, CYCLES(100 * MILLISECOND));
  clock_spin(SECOND);
  if (real_xen()) {
    for (unsigned i = 0; i < 12; i++) take_interrupts();
    check("missed-periods-delivered", ticks >= 9, ticks, "9 or more");
  } else {
    take_interrupts();
    check("missed-periods", ticks == 1 || ticks == 2, ticks, "1 or 2");
  }
  stop();

  last_of = ticks + 10;
  start(APIC_PERIODIC, DIVIDE_BY_1, 1);
  spin_until("shortest-period", last_of);
  take_interrupts();
  /* The next one may have been due already when the handler stopped the timer. */
  check("stopped-by-the-handler", ticks <= last_of + 1, ticks - last_of, "0 or 1");
}

_Noreturn void guest_main(void) {
  interrupts_init();
  shared_info_map();
  interrupt_handle(TIMER_VECTOR, tick);
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  check_one_shot();
  check_count();
  check_periodic();
  check_missed();
  finish();
}
