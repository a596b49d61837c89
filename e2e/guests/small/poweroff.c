/* Powers off at once: the shortest whole life of a domain. */
#include "boot.h"
#include "console.h"
#include "power.h"

_Noreturn void guest_main(void) {
  print("poweroff: now\n");
  power_off();
}
