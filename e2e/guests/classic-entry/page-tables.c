/*
 * The initial page tables. Given CR3 and the number of L1 tables, every entry of every table is determined: frames
 * follow each other as L4, L3, L2, L1s, and page i of the mapping is frame i.
 */
#include "checks.h"
#include "cpu.h"
#include "text.h"
#include "verdict.h"

#define ENTRIES 512
#define L4_SLOT 511
#define L3_SLOT 510
#define LEAF_FLAGS 0x023
#define UPPER_FLAGS 0x067
/* The CPU sets it in a leaf when the page is first written. */
#define DIRTY 0x40ull
#define LEAF_SPAN (ENTRIES * PAGE_SIZE)

uint64_t mapping_end;
uint64_t leaf_tables;

static volatile uint64_t *table(uint64_t index) {
  return mapped((entry_state.cr3 & ~0xfffull) + index * PAGE_SIZE);
}

void find_mapping(void) {
  trying("read the L2 table that should follow CR3's page by two");
  while (leaf_tables < ENTRIES && table(2)[leaf_tables] & 1) leaf_tables++;
  mapping_end = VIRT_BASE + leaf_tables * LEAF_SPAN;
}

static uint64_t upper_entry(uint64_t table_index) {
  return ((entry_state.cr3 & ~0xfffull) + table_index * PAGE_SIZE) | UPPER_FLAGS;
}

static void check_upper_tables(void) {
  struct tally l4 = {0}, l3 = {0}, l2 = {0};
  for (uint64_t i = 0; i < ENTRIES; i++) {
    tally_item(&l4, i, table(0)[i], i == L4_SLOT ? upper_entry(1) : 0);
    tally_item(&l3, i, table(1)[i], i == L3_SLOT ? upper_entry(2) : 0);
    tally_item(&l2, i, table(2)[i], i < leaf_tables ? upper_entry(3 + i) : 0);
  }
  check_tally("l4-entries", &l4);
  check_tally("l3-entries", &l3);
  check_tally("l2-entries", &l2);
}

static void check_leaf_tables(void) {
  struct tally l1 = {0};
  for (uint64_t page = 0; page < leaf_tables * ENTRIES; page++) {
    uint64_t entry = table(3 + page / ENTRIES)[page % ENTRIES];
    tally_item(&l1, page, entry & ~DIRTY, page * PAGE_SIZE | LEAF_FLAGS);
  }
  check_tally("l1-entries", &l1);
}

/* Maps the last page of the mapping to another frame and back: the tables in memory are the ones in use. */
static void check_tables_live(void) {
  static uint64_t probe[PAGE_SIZE / 8] __attribute__((aligned(4096)));
  volatile uint64_t *last_page = (volatile uint64_t *)(mapping_end - PAGE_SIZE);
  volatile uint64_t *entry = &table(2 + leaf_tables)[ENTRIES - 1];
  uint64_t before = *entry;
  probe[3] = 0x70ad5;
  *last_page = 1;
  trying("map another frame at the last page of the mapping");
  *entry = ((uintptr_t)probe - VIRT_BASE) | LEAF_FLAGS;
  invalidate_page(last_page);
  check_equal("tables-live", last_page[3], 0x70ad5);
  *entry = before;
  invalidate_page(last_page);
  check_equal("tables-restored", *last_page, 1);
}

void check_page_tables(void) {
  check_equal("pt-base", start_info->pt_base, VIRT_BASE + entry_state.cr3);
  check_equal("nr-pt-frames", start_info->nr_pt_frames, 3 + leaf_tables);
  check_bits("mapping-end-4mib", mapping_end, 0x3fffff, 0);
  check("mapping-inside-ram", mapping_end - VIRT_BASE <= start_info->nr_pages * PAGE_SIZE, mapping_end,
        "no mapping beyond nr_pages");
  check_upper_tables();
  check_leaf_tables();
  check_tables_live();
}
