/* Exceptions caught without returning from them, so that any instruction may be tried. */
#pragma once

#define KERNEL_CS 8
#define KERNEL_DS 16
#define EXCEPTION_STUB_SIZE 16
#define NO_EXCEPTION 256

#ifndef __ASSEMBLER__
#include <stdint.h>
#include "entry-state-classic.h"

struct fault {
  uint64_t vector;
  uint64_t error;
  uint64_t address;
};

/* The last exception that catch_exception caught. */
extern struct fault fault;
extern const uint8_t exception_stubs[];

void load_descriptor_tables(const struct table_register *gdt, const struct table_register *idt);
/* Runs step(argument); the vector of the exception it raised, or NO_EXCEPTION when it returned. */
uint32_t catch_exception(void (*step)(uint64_t), uint64_t argument);
/* Returns CS as found after an iretq to the next instruction. */
uint64_t return_by_iretq(void);
#endif
