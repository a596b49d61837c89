/* A page of guest-physical memory that neither RAM nor any device backs, however much memory there is. */
#pragma once
#include <stdint.h>

#define ABSENT_ADDRESS 0xfd000000ull

volatile uint8_t *map_absent(void);
