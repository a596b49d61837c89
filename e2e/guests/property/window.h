/* A view of any guest-physical page, mapped by the boot page tables or not. The next call may take it away. */
#pragma once
#include <stdint.h>

volatile uint8_t *window(unsigned long frame);
