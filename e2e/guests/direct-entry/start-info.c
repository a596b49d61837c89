/* hvm_start_info and the structures it points to. */
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "image.h"
#include "text.h"
#include "verdict.h"

#define MAX_LINE 4096

struct range {
  const char *name;
  uint64_t start;
  uint64_t size;
};

bool check_start_info_magic(void) {
  check_bits("ebx-aligned", entry_state.ebx, 3, 0);
  trying("read hvm_start_info");
  check_equal("magic", start_info->magic, HVM_START_INFO_MAGIC);
  return start_info->magic == HVM_START_INFO_MAGIC;
}

static void check_module_entry(const struct hvm_module *module) {
  trying("read the module list");
  check_equal("module-reserved", module->reserved, 0);
  check_bits("module-address", module->address, ~0xffffffffull, 0);
  check("module-in-ram", is_ram(module->address, module->size), module->address, "RAM of the memory map");
  check("module-cmdline", !module->cmdline || is_ram(module->cmdline, 1), module->cmdline, "no text, or text in RAM");
}

static void check_apart(void) {
  const struct hvm_start_info *si = start_info;
  const struct hvm_module *module = physical(si->modlist);
  const struct range ranges[] = {
      {"image", (uintptr_t)image_start, (uint64_t)(image_end - image_start)},
      {"start_info", entry_state.ebx, sizeof *si},
      {"cmdline", si->cmdline, si->cmdline ? text_length(physical(si->cmdline), MAX_LINE) + 1 : 0},
      {"modlist", si->modlist, si->modules * sizeof *module},
      {"memmap", si->memmap, si->memmap_entries * sizeof(struct hvm_memmap_entry)},
      {"module", si->modules ? module->address : 0, si->modules ? module->size : 0},
  };
  enum { COUNT = sizeof ranges / sizeof *ranges };
  uint64_t overlaps = 0, outside = 0;
  for (uint32_t i = 0; i < COUNT; i++) {
    const struct range *a = &ranges[i];
    print("layout - ");
    print_hex(a->start);
    put_char(' ');
    print_hex(a->size);
    put_char(' ');
    print(a->name);
    put_char('\n');
    outside += a->size && !is_ram(a->start, a->size);
    for (uint32_t j = i + 1; j < COUNT; j++) {
      const struct range *b = &ranges[j];
      overlaps += a->size && b->size && a->start < b->start + b->size && b->start < a->start + a->size;
    }
  }
  check("regions-in-ram", outside == 0, outside, "every region in RAM of the memory map");
  check("regions-apart", overlaps == 0, overlaps, "no two regions that overlap");
}

void check_start_info(void) {
  uint64_t ramdisk = 0;
  option_number(boot()->cmdline, "ramdisk_size", &ramdisk);
  check_equal("version", start_info->version, 1);
  check_equal("flags", start_info->flags, 0);
  check_equal("reserved", start_info->reserved, 0);
  check_equal("nr-modules", start_info->modules, ramdisk ? 1 : 0);
  check("cmdline-pointer", start_info->cmdline && !(start_info->cmdline >> 32), start_info->cmdline,
        "an address below 4 GiB");
  check("modlist-pointer", !start_info->modlist == !start_info->modules && !(start_info->modlist & 7),
        start_info->modlist, "an aligned address when there are modules, else 0");
  if (start_info->modules && start_info->modlist) check_module_entry(physical(start_info->modlist));
  check_apart();
}
