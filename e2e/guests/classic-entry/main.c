/*
 * Checks from inside the guest every promise of the classic entry state (PVHv1). No fault can be handled until
 * native-tables.c has loaded an own IDT, so the order goes from what needs no trust to what needs more.
 */
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "image.h"
#include "mutations.h"
#include "payload.h"
#include "verdict.h"

_Noreturn void guest_main(void) {
  print("classic-entry: entered\n");
  find_mapping();
  if (!check_start_info_pointer()) finish();
  apply_mutation(start_info->cmd_line);

  check_image();
  check_registers();
  check_segments();
  check_page_tables();
  check_start_info();
  check_layout();
  check_shared_pages();
  check_stack();
  check_command_line(start_info->cmd_line);
  check_ramdisk(boot(), true);
  check_hypercall_page();
  check_hypercalls();
  check_platform();
  check_native_tables();
  finish();
}
