#include "absent.h"

volatile uint8_t *map_absent(void) {
  return (volatile uint8_t *)(uintptr_t)ABSENT_ADDRESS;
}
