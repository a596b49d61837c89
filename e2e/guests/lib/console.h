/*
 * Text output. Through the debug port 0xe9, which needs nothing set up (console-port.c), or, for hosts where nobody looks
 * at that, through the ring of the PV console (console-pv.c): which one is linked decides.
 */
#pragma once
#include <stdint.h>

#define DEBUG_PORT 0xe9

void put_char(char c);
void print(const char *text);
/* Stops after `limit` characters and shows what is not printable as '?': for text that may be anything. */
void print_untrusted(const char *text, uint32_t limit);
void print_hex(uint64_t value);
void print_decimal(uint64_t value);
