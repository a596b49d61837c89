/*
 * Checks from inside the guest every promise of the direct entry state (PVHv2). There is no stack, GDT or IDT from
 * the loader, and a fault is a triple fault.
 */
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "image.h"
#include "mutations.h"
#include "payload.h"
#include "verdict.h"

_Noreturn void guest_main(void) {
  print("direct-entry: entered\n");
  if (!check_start_info_magic()) finish();
  apply_mutation(boot()->cmdline);

  check_image();
  check_registers();
  check_segments();
  check_start_info();
  check_memory_map();
  check_command_line(boot()->cmdline);
  check_ramdisk(boot(), false);
  check_ports();
  if (on_xen())
    check_xen();
  else
    check_bare();
  finish();
}
