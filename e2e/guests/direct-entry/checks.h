/* The groups of promises of direct-entry, one file each. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "entry-state-direct.h"
#include "start-info.h"

static inline void *physical(uint64_t address) {
  return (void *)(uintptr_t)address;
}

/* Whether an entry of the memory map declares all of it as RAM, or ACPI tables in RAM. */
bool is_ram(uint64_t address, uint64_t size);
/* Whether an entry declares all of it as ACPI tables. */
bool is_acpi(uint64_t address, uint64_t size);

bool check_start_info_magic(void);
void check_registers(void);
void check_segments(void);
void check_start_info(void);
void check_memory_map(void);
void check_ports(void);
void check_xen(void);
void check_bare(void);
/* False when there are none to be read. */
bool check_acpi_tables(void);
