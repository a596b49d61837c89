#include "boot.h"
#include "pv-start-info.h"

const struct boot *boot(void) {
  static struct boot boot;
  boot.cmdline = start_info->cmd_line;
  boot.module = (const void *)start_info->mod_start;
  boot.module_size = start_info->mod_len;
  boot.memory = start_info->nr_pages << 12;
  return &boot;
}

bool on_xen(void) {
  return true;
}
