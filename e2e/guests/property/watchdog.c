/* Arms a watchdog of one second and forgets it: the domain ends with reason watchdog. `how=spin` never halts. */
#include "boot.h"
#include "console.h"
#include "hypercall.h"
#include "interrupts.h"
#include "text.h"
#include "xen-sched.h"

_Noreturn void guest_main(void) {
  struct sched_watchdog watchdog = {0, 1};
  on_xen();
  print("watchdog: armed as ");
  print_decimal((uint64_t)hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_WATCHDOG, &watchdog));
  put_char('\n');
  if (option_is(boot()->cmdline, "how", "spin"))
    for (;;) relax();
  /* With interrupts on: a vCPU that halts for ever with them off would be as good as down. */
  for (;;) wait_for_interrupt();
}
