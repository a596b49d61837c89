#include "console.h"
#include "hypercall.h"
#include "power.h"

_Noreturn void xen_shutdown(uint32_t reason) {
  hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_SHUTDOWN, &reason);
  print("SCHEDOP_shutdown returned\n");
  halt_forever();
}
