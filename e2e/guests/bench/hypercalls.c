/*
 * How long a hypercall that does nothing takes (xen_version, through the hypercall page), how long a write to an I/O port
 * that nothing listens to, and how long such a write in a stub that is called as those of the page are: some hosts emulate
 * the guest's instructions around the exit, which then are most of the difference. By the TSC, in turns, one line for each
 * round. `iterations=N` of each in a round.
 */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "hypercall.h"
#include "power.h"
#include "text.h"

#define ROUNDS 9
#define DEFAULT_ITERATIONS 10000

__asm__(".balign 32; port_stub: mov $17, %eax; out %eax, $0x80; ret");
extern const uint8_t port_stub[];

static uint64_t port_writes(uint64_t count) {
  uint64_t begin = read_tsc();
  for (uint64_t i = 0; i < count; i++) out8(0x80, 0);
  return read_tsc() - begin;
}

static uint64_t calls(const uint8_t *stub, uint64_t count) {
  uint64_t begin = read_tsc();
  for (uint64_t i = 0; i < count; i++) call_stub(stub, XENVER_VERSION, 0, 0);
  return read_tsc() - begin;
}

_Noreturn void guest_main(void) {
  uint64_t iterations = DEFAULT_ITERATIONS;
  const uint8_t *version = hypercall_page + HYPERCALL_XEN_VERSION * HYPERCALL_SLOT_SIZE;
  option_number(boot()->cmdline, "iterations", &iterations);
  if (!on_xen() || hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0) < 0x40000) {
    print("hypercalls: xen_version has no answer\n");
    power_off();
  }
  /* The hypervisor's code is compiled while it runs. */
  port_writes(iterations);
  calls(port_stub, iterations);
  calls(version, iterations);
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t by_port = port_writes(iterations);
    uint64_t by_stub = calls(port_stub, iterations);
    uint64_t by_hypercall = calls(version, iterations);
    print("hypercalls: iterations=");
    print_decimal(iterations);
    print(" port=");
    print_decimal(by_port);
    print(" stub=");
    print_decimal(by_stub);
    print(" hypercall=");
    print_decimal(by_hypercall);
    put_char('\n');
  }
  power_off();
}
