#include "boot.h"
#include "cpu.h"
#include "hypercall.h"
#include "start-info.h"
#include "text.h"
#include "xen-cpuid.h"

static const void *pointer(uint64_t address) {
  return (const void *)(uintptr_t)address;
}

const struct boot *boot(void) {
  static struct boot boot;
  const struct hvm_module *module = pointer(start_info->modlist);
  const struct hvm_memmap_entry *map = pointer(start_info->memmap);
  boot.cmdline = start_info->cmdline ? pointer(start_info->cmdline) : "";
  boot.module = start_info->modules ? pointer(module->address) : NULL;
  boot.module_size = start_info->modules ? module->size : 0;
  boot.memory = 0;
  for (uint32_t i = 0; i < start_info->memmap_entries; i++)
    if (map[i].type == MEMMAP_RAM) boot.memory += map[i].size;
  return &boot;
}

/* Installs the hypercall page the first time, as every direct guest on Xen does. */
bool on_xen(void) {
  static bool asked, answer;
  if (asked) return answer;
  asked = true;
  uint32_t base = xen_cpuid_base();
  answer = base != 0;
  if (answer) write_msr(cpuid(base + 2).ebx, (uintptr_t)hypercall_page);
  return answer;
}
