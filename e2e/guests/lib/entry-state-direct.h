/* The machine as the direct entry found it; offsets are shared by start-direct.S and C. */
#pragma once

#define ENTRY_EFER 0
#define ENTRY_EAX 8
#define ENTRY_EBX 12
#define ENTRY_EFLAGS 16
#define ENTRY_PROTECTED_MODE_PROBE 20
#define ENTRY_CR0 24
#define ENTRY_CR4 28
#define ENTRY_STATE_SIZE 32

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct entry_state {
  uint64_t efer;
  uint32_t eax, ebx;
  uint32_t eflags;
  uint32_t protected_mode_probe;
  uint32_t cr0, cr4;
};

_Static_assert(offsetof(struct entry_state, cr4) == ENTRY_CR4, "cr4");
_Static_assert(sizeof(struct entry_state) == ENTRY_STATE_SIZE, "size");

extern struct entry_state entry_state;
#endif
