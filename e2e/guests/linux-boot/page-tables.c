/*
 * The kernel's own tables: the boot L2 is grafted into them, and the boot L1s go on in use, with NX on data. A vCPU that
 * starts without EFER.NXE must set it before it touches its stack.
 */
#include "cpu.h"
#include "linux.h"
#include "pv-start-info.h"
#include "text.h"
#include "verdict.h"

#define ENTRIES 512
#define TABLE_FLAGS 0x67
#define PRESENT 1ull
#define LARGE (1ull << 7)
#define NO_EXECUTE (1ull << 63)
#define ADDRESS_MASK 0x000ffffffffff000ull
#define TOP_L4 511
#define TOP_L3 510
#define LARGE_PAGE (2ul << 20)

extern uint8_t bss_start[];

static uint64_t l4[ENTRIES] ZEROED_PAGES;
static uint64_t l3[ENTRIES] ZEROED_PAGES;
static uint64_t l2[ENTRIES] ZEROED_PAGES;

static uint64_t *table_at(uint64_t entry) {
  return frame_pointer((entry & ADDRESS_MASK) / PAGE_SIZE);
}

unsigned long own_cr3(void) {
  return physical_address(l4);
}

static void protect_data(void) {
  unsigned long address = ((unsigned long)bss_start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ul);
  for (; l2[(address - PHYSICAL_OFFSET) / LARGE_PAGE] & PRESENT; address += PAGE_SIZE) {
    uint64_t *entry = &l2[(address - PHYSICAL_OFFSET) / LARGE_PAGE];
    if (!(*entry & LARGE)) entry = &table_at(*entry)[address / PAGE_SIZE % ENTRIES];
    if (*entry & PRESENT) *entry |= NO_EXECUTE;
  }
}

void setup_page_tables(void) {
  uint64_t *boot_l4 = (uint64_t *)start_info->pt_base;
  uint64_t boot_l3 = boot_l4[TOP_L4];
  bug_on("boot-l3", !(boot_l3 & PRESENT), (long)boot_l3);
  uint64_t boot_l2 = table_at(boot_l3)[TOP_L3];
  bug_on("boot-l2", !(boot_l2 & PRESENT), (long)boot_l2);
  /* The first three frames are given back to the allocator, so that they must be these. */
  check_equal("boot-l3-is-second", boot_l3 & ADDRESS_MASK, start_info->pt_base - PHYSICAL_OFFSET + PAGE_SIZE);
  check_equal("boot-l2-is-third", boot_l2 & ADDRESS_MASK, start_info->pt_base - PHYSICAL_OFFSET + 2 * PAGE_SIZE);
  memcpy(l2, table_at(boot_l2), sizeof l2);
  l3[TOP_L3] = physical_address(l2) | TABLE_FLAGS;
  l4[TOP_L4] = physical_address(l3) | TABLE_FLAGS;
  protect_data();
  __asm__ volatile("mov %0, %%cr3" : : "r"(own_cr3()) : "memory");
}

/* Another frame at an address that is mapped in pages; the caller flushes. */
void set_page(unsigned long address, unsigned long frame) {
  uint64_t *entry = &table_at(l2[(address - PHYSICAL_OFFSET) / LARGE_PAGE])[address / PAGE_SIZE % ENTRIES];
  *entry = (*entry & ~ADDRESS_MASK) | frame * PAGE_SIZE;
}
