#include "address.h"
#include "cpu.h"
#include "pv-start-info.h"
#include "window.h"

#define LEAF_FLAGS 0x063

/* The first page of the mapping is below the kernel and holds nothing; its entry is the first of the first L1. */
volatile uint8_t *window(unsigned long frame) {
  volatile uint64_t *first_leaf_table = (volatile uint64_t *)(start_info->pt_base + 3 * PAGE_SIZE);
  first_leaf_table[0] = (uint64_t)frame * PAGE_SIZE | LEAF_FLAGS;
  invalidate_page((void *)VIRT_BASE);
  return (volatile uint8_t *)VIRT_BASE;
}
