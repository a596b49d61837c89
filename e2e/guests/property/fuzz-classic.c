#include "cpu.h"
#include "fuzz.h"
#include "pv-start-info.h"
#include "verdict.h"

#define ENTRIES 512
#define PRESENT 1ull
#define LEAF_FLAGS 0x063
#define TABLE_FLAGS 0x067
#define LARGE_PAGE_FRAMES 512

/* For the arena's 2 MiB, and for one page anywhere: its table is the one of the first 2 MiB, whose page 0 is free. */
static uint64_t arena_table[ENTRIES] ZEROED_PAGES;

void arena_map(unsigned long frame) {
  uint64_t *l2 = (uint64_t *)(start_info->pt_base + 2 * PAGE_SIZE);
  uint64_t *entry = &l2[frame / LARGE_PAGE_FRAMES];
  if (*entry & PRESENT) {
    check("arena", false, frame, "memory that the loader did not map");
    finish();
  }
  for (unsigned i = 0; i < ARENA_PAGES; i++)
    arena_table[(frame + i) % ENTRIES] = (uint64_t)(frame + i) * PAGE_SIZE | LEAF_FLAGS;
  *entry = physical_address(arena_table) | TABLE_FLAGS;
}

void poke(uint64_t address, uint32_t value, bool write) {
  volatile uint64_t *leaf = (volatile uint64_t *)(start_info->pt_base + 3 * PAGE_SIZE);
  volatile uint32_t *word = (volatile uint32_t *)(VIRT_BASE + address % PAGE_SIZE);
  leaf[0] = (address & ~(PAGE_SIZE - 1ull)) | LEAF_FLAGS;
  invalidate_page((void *)VIRT_BASE);
  if (write)
    *word = value;
  else
    (void)*word;
}

bool has_apic(void) {
  return false;
}
