/* hvm_start_info and what it points to (public/arch-x86/hvm/start_info.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HVM_START_INFO_MAGIC 0x336ec578

struct hvm_start_info {
  uint32_t magic;
  uint32_t version;
  uint32_t flags;
  uint32_t modules;
  uint64_t modlist;
  uint64_t cmdline;
  uint64_t rsdp;
  uint64_t memmap;
  uint32_t memmap_entries;
  uint32_t reserved;
};

struct hvm_module {
  uint64_t address;
  uint64_t size;
  uint64_t cmdline;
  uint64_t reserved;
};

struct hvm_memmap_entry {
  uint64_t address;
  uint64_t size;
  uint32_t type;
  uint32_t reserved;
};

enum { MEMMAP_RAM = 1, MEMMAP_RESERVED = 2, MEMMAP_ACPI = 3, MEMMAP_NVS = 4, MEMMAP_PMEM = 7 };

_Static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info version 1");
_Static_assert(sizeof(struct hvm_module) == 32, "hvm_modlist_entry");
_Static_assert(sizeof(struct hvm_memmap_entry) == 24, "hvm_memmap_table_entry");

/* Saved by the first instructions from ebx. */
extern const struct hvm_start_info *start_info;
