#include "mutations.h"
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "hypercall.h"
#include "image.h"
#include "text.h"

static volatile uint64_t *tables(void) {
  return mapped(entry_state.cr3);
}

static struct shared_info *shared_info(void) {
  return mapped(start_info->shared_info);
}

static uint8_t *ramdisk(void) {
  return (uint8_t *)start_info->mod_start;
}

#define MUTATION(name, statement) \
  if (option_is(line, "mutate", name)) { statement; }

void apply_mutation(const char *line) {
  struct start_info *si = start_info;
  if (!option(line, "mutate")) return;
  print("mutation - ");
  print_untrusted(option(line, "mutate"), word_length(option(line, "mutate")));
  put_char('\n');

  MUTATION("rbx", entry_state.rbx = 1)
  MUTATION("rflags", entry_state.rflags |= 0x200)
  MUTATION("cr0", entry_state.cr0 |= 1u << 16)
  MUTATION("cr4", entry_state.cr4 |= 1u << 7)
  MUTATION("efer", entry_state.efer |= 1)
  MUTATION("cs-l", entry_state.long_mode_probe = 0xffffffff)
  MUTATION("gs-base", entry_state.gs_base = 0x1000)
  MUTATION("ds", entry_state.ds = 0x10)
  MUTATION("idt", entry_state.idt.limit = 0xffff)
  MUTATION("bss", *bss_start = 1)
  MUTATION("magic", si->magic[8] = '2')
  MUTATION("nr-pages", si->nr_pages--)
  MUTATION("flags", si->flags |= 2)
  MUTATION("same-page", si->console_mfn = si->store_mfn)
  MUTATION("shared-info-moved", si->shared_info = si->store_mfn * PAGE_SIZE)
  MUTATION("p2m", ((uint64_t *)si->mfn_list)[7] = 8)
  MUTATION("pt-base", si->pt_base += PAGE_SIZE)
  MUTATION("leaf-user", tables()[3 * 512 + 9] |= 4)
  MUTATION("leaf-clean", tables()[3 * 512 + 9] &= ~0x20ull)
  MUTATION("alias", tables()[0] = tables()[511])
  MUTATION("upper-supervisor", tables()[2 * 512] &= ~4ull)
  MUTATION("stack-low", entry_state.rsp = mapping_end)
  MUTATION("upcall-mask", shared_info()->vcpu_info[31].upcall_mask = 0)
  MUTATION("evtchn-mask", shared_info()->evtchn_mask[63] = 1)
  MUTATION("ramdisk", ramdisk()[si->mod_len / 2] ^= 1)
  MUTATION("ramdisk-tail", ramdisk()[si->mod_len - 1] = 1)
  MUTATION("cmdline", si->cmd_line[0] ^= 1)
  MUTATION("cmdline-tail", si->cmd_line[1022] = 1)
  MUTATION("stub-number", hypercall_page[40 * HYPERCALL_SLOT_SIZE + 1] = 41)
  MUTATION("stub-iret", hypercall_page[HYPERCALL_IRET * HYPERCALL_SLOT_SIZE] = 0xb8)
}
