#include "fuzz.h"

/* Without paging all memory is there, and behind the end of RAM is nothing. */
void arena_map(unsigned long frame) {
  (void)frame;
}

void poke(uint64_t address, uint32_t value, bool write) {
  volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)address;
  if (write)
    *word = value;
  else
    (void)*word;
}

bool has_apic(void) {
  return true;
}
