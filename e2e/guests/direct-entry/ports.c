/* Absent ports read all ones on every platform. */
#include "checks.h"
#include "cpu.h"
#include "verdict.h"

#define ABSENT_PORT 0x7770

void check_ports(void) {
  trying("read an absent port");
  check_equal("absent-port-8", in8(ABSENT_PORT), 0xff);
  check_equal("absent-port-16", in16(ABSENT_PORT), 0xffff);
  check_equal("absent-port-32", in32(ABSENT_PORT), 0xffffffff);
}
