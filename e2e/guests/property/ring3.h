/* Running a hypercall stub in ring 3 and coming back; for 32-bit guests. */
#pragma once

#define RING3_CS 0x23
#define RING3_DS 0x2b
#define RING3_TSS 0x30
#define RING3_RETURN_VECTOR 0x80

#ifndef __ASSEMBLER__
#include <stdint.h>

extern uint8_t ring0_stack_top[];
void ring3_return(void);
/* Calls `stub` in ring 3 with I/O allowed, the way that hypercall() does in ring 0. Returns what was in eax after it. */
unsigned long ring3_call(unsigned long stub, unsigned long a, unsigned long b);
#endif
