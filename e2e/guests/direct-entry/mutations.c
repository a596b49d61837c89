#include "mutations.h"
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "image.h"
#include "text.h"

#define MUTATION(name, statement) \
  if (option_is(line, "mutate", name)) { statement; }

void apply_mutation(const char *line) {
  struct hvm_start_info *si = (struct hvm_start_info *)start_info;
  struct hvm_module *module = physical(si->modlist);
  struct hvm_memmap_entry *map = physical(si->memmap);
  if (!option(line, "mutate")) return;
  print("mutation - ");
  print_untrusted(option(line, "mutate"), word_length(option(line, "mutate")));
  put_char('\n');

  MUTATION("cr0", entry_state.cr0 |= 1u << 16)
  MUTATION("cr4", entry_state.cr4 |= 1u << 5)
  MUTATION("efer", entry_state.efer |= 1u << 8)
  MUTATION("eflags", entry_state.eflags |= 1u << 9)
  MUTATION("cs-d", entry_state.protected_mode_probe = 0)
  MUTATION("bss", *bss_start = 1)
  MUTATION("version", si->version = 0)
  MUTATION("flags", si->flags = 1)
  MUTATION("modules", si->modules = 2)
  MUTATION("module-address", module->address = (uintptr_t)image_start)
  MUTATION("ram-total", map->size -= 4096)
  MUTATION("map-type", map->type = MEMMAP_RESERVED)
  MUTATION("ramdisk", ((uint8_t *)physical(module->address))[module->size / 2] ^= 1)
  MUTATION("cmdline", ((char *)line)[0] ^= 1)
  MUTATION("rsdp", si->rsdp ^= 0x1000)
}
