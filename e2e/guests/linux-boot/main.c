/* The order of everything. `fifo_events=0` keeps to 2-level events, as the kernel's option does. */
#include "boot.h"
#include "console.h"
#include "hypercall.h"
#include "linux.h"
#include "power.h"
#include "verdict.h"

unsigned cpus;

void bug_on(const char *name, bool broken, long found) {
  check(name, !broken, (uint32_t)found, "no BUG()");
  if (broken) finish();
}

void tolerates(const char *name, long result, long one, long other) {
  check(name, result == one || result == other, (uint32_t)result, "one of two results");
}

_Noreturn void guest_main(void) {
  print("Linux version ");
  print(linux_variant.release);
  put_char('\n');
  start_kernel();
  vcpu_info_placement();
  init_IRQ();
  console_init();
  time_init();
  smp_prepare_boot_cpu();
  smp_boot_cpus();
  grant_table_init();
  xenbus_init();
  run_timer();
  smp_work();
  console_print("reboot: Power down\n");
  console_flush();
  smp_stop_cpus();
  finish();
}
