/*
 * `iterations=N port=P` on the command line: writes N bytes to an I/O port and says how long that took. For the
 * benchmark of userspace exits.
 */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "power.h"
#include "text.h"

#define DEFAULT_ITERATIONS 10000
#define DEFAULT_PORT 0x80

_Noreturn void guest_main(void) {
  uint64_t iterations = DEFAULT_ITERATIONS, port = DEFAULT_PORT;
  option_number(boot()->cmdline, "iterations", &iterations);
  option_number(boot()->cmdline, "port", &port);
  print("exits: begin\n");
  uint64_t begin = read_tsc();
  for (uint64_t i = 0; i < iterations; i++) out8((uint16_t)port, 0);
  uint64_t end = read_tsc();
  print("exits: iterations=");
  print_decimal(iterations);
  print(" cycles=");
  print_decimal(end - begin);
  put_char('\n');
  power_off();
}
