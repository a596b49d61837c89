/* A page of guest-physical memory that neither RAM nor any device backs. */
#pragma once
#include <stdint.h>

#define ABSENT_ADDRESS 0xf0000000ull

volatile uint8_t *map_absent(void);
