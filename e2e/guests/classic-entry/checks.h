/* The groups of promises of classic-entry, one file each. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "entry-state-classic.h"
#include "pv-start-info.h"

#define PAGE_SIZE 4096ull

/* Set by find_mapping from CR3 alone: the end of the initial mapping, and how many L1 tables make it. */
extern uint64_t mapping_end;
extern uint64_t leaf_tables;

/* The guest-physical address `gpa` through the initial mapping. */
static inline void *mapped(uint64_t gpa) {
  return (void *)(VIRT_BASE + gpa);
}

static inline bool is_mapped(uint64_t address, uint64_t size) {
  return address >= VIRT_BASE && address < mapping_end && size <= mapping_end - address;
}

void find_mapping(void);
bool check_start_info_pointer(void);
void check_registers(void);
void check_segments(void);
void check_page_tables(void);
void check_start_info(void);
void check_layout(void);
void check_shared_pages(void);
void check_stack(void);
void check_hypercall_page(void);
void check_hypercalls(void);
void check_platform(void);
void check_native_tables(void);
