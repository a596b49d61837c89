/*
 * How long a hypercall that does nothing takes (xen_version, through the hypercall page) and how long a write to an I/O
 * port that nothing listens to, by the TSC: in turns, one line for each round. `iterations=N` of each in a round,
 * `port=P` on the command line.
 */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "hypercall.h"
#include "power.h"
#include "text.h"

#define ROUNDS 9
#define DEFAULT_ITERATIONS 10000
#define DEFAULT_PORT 0x80

static uint64_t port_writes(uint16_t port, uint64_t count) {
  uint64_t begin = read_tsc();
  for (uint64_t i = 0; i < count; i++) out8(port, 0);
  return read_tsc() - begin;
}

static uint64_t hypercalls(uint64_t count) {
  uint64_t begin = read_tsc();
  for (uint64_t i = 0; i < count; i++) hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  return read_tsc() - begin;
}

_Noreturn void guest_main(void) {
  uint64_t iterations = DEFAULT_ITERATIONS, port = DEFAULT_PORT;
  option_number(boot()->cmdline, "iterations", &iterations);
  option_number(boot()->cmdline, "port", &port);
  if (hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0) < 0x40000) {
    print("hypercalls: xen_version has no answer\n");
    power_off();
  }
  /* The hypervisor's code is compiled while it runs. */
  port_writes((uint16_t)port, iterations);
  hypercalls(iterations);
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t by_port = port_writes((uint16_t)port, iterations);
    uint64_t by_hypercall = hypercalls(iterations);
    print("hypercalls: iterations=");
    print_decimal(iterations);
    print(" port=");
    print_decimal(by_port);
    print(" hypercall=");
    print_decimal(by_hypercall);
    put_char('\n');
  }
  power_off();
}
