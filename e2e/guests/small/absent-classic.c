#include "absent.h"
#include "cpu.h"
#include "pv-start-info.h"

#define LEAF_FLAGS 0x023

/* The first page of the mapping is below the kernel and holds nothing; its entry is the first of the first L1. */
volatile uint8_t *map_absent(void) {
  volatile uint64_t *first_leaf_table = (volatile uint64_t *)(start_info->pt_base + 3 * 4096);
  first_leaf_table[0] = ABSENT_ADDRESS | LEAF_FLAGS;
  invalidate_page((void *)VIRT_BASE);
  return (volatile uint8_t *)VIRT_BASE;
}
