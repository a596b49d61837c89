/* Reports a crash; Xen has a shutdown reason for that, the bare platform has not. */
#include "boot.h"
#include "console.h"
#include "power.h"

_Noreturn void guest_main(void) {
  print("crash: now\n");
  crash();
}
