/* Where the guest's own memory lies: physical addresses and frames of what C code points to. */
#pragma once
#include <stdint.h>

#define PAGE_SIZE 4096

#ifdef __x86_64__
/* Classic guests are mapped at one offset. */
#define PHYSICAL_OFFSET 0xffffffff80000000ul
/* A pointer that every hypercall must refuse: not mapped, or a place in the hole below 4 GiB where nothing is. */
#define BAD_POINTER ((void *)0x1000)
#else
#define PHYSICAL_OFFSET 0ul
#define BAD_POINTER ((void *)0xfd000000)
#endif
/* A frame where nothing is, whatever the memory. */
#define ABSENT_FRAME 0xfd000ul

/* Memory that need not lie in the guest's file; zero at the start. */
#define ZEROED_PAGES __attribute__((aligned(PAGE_SIZE), section(".bss.pages")))

static inline unsigned long physical_address(const volatile void *pointer) {
  return (unsigned long)pointer - PHYSICAL_OFFSET;
}

static inline unsigned long frame_of(const volatile void *pointer) {
  return physical_address(pointer) / PAGE_SIZE;
}

/* A page of guest-physical memory, as far as the boot mapping of a classic guest reaches. */
static inline void *frame_pointer(unsigned long frame) {
  return (void *)(frame * PAGE_SIZE + PHYSICAL_OFFSET);
}
