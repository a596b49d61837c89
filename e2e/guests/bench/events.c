/*
 * How long events take, in ns of the guest's clock, from before EVTCHNOP_send until the vector's handler runs. `self`: to a port
 * of this vCPU. `halted`, `running`: to the console's back end, with a byte of output, which it takes and notifies of,
 * while this vCPU halts or spins. `host`: the second half of that, from when the back end is seen to have taken the byte,
 * the last thing it does before it notifies. `samples=N` on the command line, of each.
 */
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "events.h"
#include "interrupts.h"
#include "power.h"
#include "pv-console.h"
#include "text.h"

#define DEFAULT_SAMPLES 1000
#define MAX_SAMPLES 10000
/* Long enough for the host to have gone to sleep when the next event comes. */
#define PAUSE 200000

static uint32_t samples[MAX_SAMPLES];
/* By the TSC: reading the clock takes long where the guest's instructions are emulated. */
static volatile uint64_t arrived;
/* When the way that is measured began. */
static uint64_t begun;
static struct vcpu_time clock;
static unsigned own_port;

static void upcall(struct interrupt_frame *frame) {
  (void)frame;
  uint64_t now = read_tsc();
  take_events(0);
  arrived = now;
}

static void to_self(void) {
  interrupts_on();
  event_send(own_port);
  while (!arrived) relax();
  interrupts_off();
}

static void to_console_halted(void) {
  pv_console_put(".", 1);
  while (!arrived) wait_for_interrupt();
}

static void to_console_running(void) {
  interrupts_on();
  pv_console_put(".", 1);
  while (!arrived) relax();
  interrupts_off();
}

static void from_host(void) {
  uint64_t taken = 0;
  uint32_t prod = console_ring->out_prod + 1;
  interrupts_on();
  pv_console_put(".", 1);
  while (!arrived)
    if (!taken && console_ring->out_cons == prod) taken = read_tsc();
  interrupts_off();
  begun = taken && taken < arrived ? taken : arrived;
}

static uint32_t measure(void (*round_trip)(void)) {
  clock_spin(PAUSE);
  arrived = 0;
  begun = read_tsc();
  round_trip();
  return (uint32_t)(clock_at(&clock, arrived) - clock_at(&clock, begun));
}

/* Shell's method: nothing but memory and time, of which there is enough. */
static void sort(uint32_t count) {
  for (uint32_t gap = count / 2; gap; gap /= 2)
    for (uint32_t i = gap; i < count; i++) {
      uint32_t value = samples[i], at = i;
      for (; at >= gap && samples[at - gap] > value; at -= gap) samples[at] = samples[at - gap];
      samples[at] = value;
    }
}

static void report(const char *what, void (*round_trip)(void), uint32_t count) {
  /* The hypervisor's code is compiled while it runs. */
  for (uint32_t i = 0; i < count / 4; i++) measure(round_trip);
  for (uint32_t i = 0; i < count; i++) samples[i] = measure(round_trip);
  sort(count);
  print("\nevents: ");
  print(what);
  print(" min=");
  print_decimal(samples[0]);
  print(" median=");
  print_decimal(samples[count / 2]);
  print(" p99=");
  print_decimal(samples[count - 1 - count / 100]);
  put_char('\n');
}

_Noreturn void guest_main(void) {
  uint64_t count = DEFAULT_SAMPLES;
  option_number(boot()->cmdline, "samples", &count);
  if (count < 1 || count > MAX_SAMPLES) count = DEFAULT_SAMPLES;
  events_init();
  long port = bind_ipi(0);
  if (port <= 0 || !pv_console_init()) {
    print("events: no port or no console\n");
    power_off();
  }
  own_port = (unsigned)port;
  clock_snapshot(&vcpu_info(0)->time, &clock);
  interrupt_handle(EVENT_VECTOR, upcall);
  event_unmask(own_port);
  report("self", to_self, (uint32_t)count);
  report("halted", to_console_halted, (uint32_t)count);
  report("running", to_console_running, (uint32_t)count);
  report("host", from_host, (uint32_t)count);
  power_off();
}
