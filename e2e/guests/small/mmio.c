/* Reads and writes guest-physical memory where nothing is: reads give all ones, writes vanish. */
#include "absent.h"
#include "boot.h"
#include "cpu.h"
#include "verdict.h"

_Noreturn void guest_main(void) {
  volatile uint8_t *absent = map_absent();
  trying("read absent memory");
  check_equal("absent-8", *absent, 0xff);
  check_equal("absent-16", *(volatile uint16_t *)(absent + 8), 0xffff);
  check_equal("absent-32", *(volatile uint32_t *)(absent + 16), 0xffffffff);
  trying("write absent memory");
  *(volatile uint32_t *)(absent + 16) = 0x1234;
  check_equal("absent-after-write", *(volatile uint32_t *)(absent + 16), 0xffffffff);
  finish();
}
