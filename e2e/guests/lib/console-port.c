#include "console.h"
#include "cpu.h"

void put_char(char c) {
  out8(DEBUG_PORT, (uint8_t)c);
}
