/* The memory map table, and that what it calls RAM is RAM. */
#include "boot.h"
#include "checks.h"
#include "text.h"
#include "verdict.h"

#define PAGE_SIZE 4096u
#define MAX_TABLES 0x100000
#define MEBIBYTE 0x100000

static const struct hvm_memmap_entry *map(void) {
  return physical(start_info->memmap);
}

static bool is_declared(uint64_t address, uint64_t size, bool ram) {
  for (uint32_t i = 0; i < start_info->memmap_entries; i++) {
    const struct hvm_memmap_entry *entry = &map()[i];
    bool wanted = entry->type == MEMMAP_ACPI || (ram && entry->type == MEMMAP_RAM);
    if (wanted && address >= entry->address && address + size <= entry->address + entry->size) return true;
  }
  return false;
}

bool is_ram(uint64_t address, uint64_t size) {
  return is_declared(address, size, true);
}

bool is_acpi(uint64_t address, uint64_t size) {
  return is_declared(address, size, false);
}

/* Xen leaves the entry of RAM whole where it has the RSDP in the last page below 1 MiB. */
static bool is_low_rsdp(const struct hvm_memmap_entry *entry) {
  return on_xen() && entry->type == MEMMAP_ACPI && entry->address == MEBIBYTE - PAGE_SIZE && entry->size <= PAGE_SIZE;
}

static void check_entries(void) {
  struct tally types = {0}, reserved = {0}, empty = {0};
  uint64_t overlaps = 0;
  for (uint32_t i = 0; i < start_info->memmap_entries; i++) {
    const struct hvm_memmap_entry *a = &map()[i];
    tally_item(&types, i, a->type >= MEMMAP_RAM && a->type <= MEMMAP_PMEM, 1);
    tally_item(&reserved, i, a->reserved, 0);
    tally_item(&empty, i, a->size == 0, 0);
    for (uint32_t j = i + 1; j < start_info->memmap_entries; j++) {
      const struct hvm_memmap_entry *b = &map()[j];
      if (is_low_rsdp(a) || is_low_rsdp(b)) continue;
      overlaps += a->address < b->address + b->size && b->address < a->address + a->size;
    }
  }
  check_tally("memmap-types", &types);
  check_tally("memmap-reserved", &reserved);
  check_tally("memmap-not-empty", &empty);
  check("memmap-apart", overlaps == 0, overlaps, "no two entries that overlap");
  check_equal("memmap-starts-at-zero", map()->address, 0);
  check_equal("memmap-starts-with-ram", map()->type, MEMMAP_RAM);
}

static uint64_t total(uint32_t type) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < start_info->memmap_entries; i++)
    if (map()[i].type == type) bytes += map()[i].size;
  return bytes;
}

/* On the bare platform the ACPI tables take their room from the configured memory; Xen has them elsewhere. */
static void check_total(void) {
  uint64_t mebibytes = 0, tables = on_xen() ? 0 : total(MEMMAP_ACPI) + total(MEMMAP_NVS);
  bool given = option_number(boot()->cmdline, "memory_mib", &mebibytes);
  check("memory-given", given, given, "a word memory_mib=N on the command line");
  check("memmap-tables-small", tables <= MAX_TABLES, tables, "at most 1 MiB taken for tables");
  check_equal("memmap-ram-total", total(MEMMAP_RAM) + tables, mebibytes << 20);
}

/* Writes the last word of the first and last page of every RAM entry, and puts back what was there. */
static void check_writable(void) {
  struct tally pages = {0};
  for (uint32_t i = 0; i < start_info->memmap_entries; i++) {
    const struct hvm_memmap_entry *entry = &map()[i];
    if (entry->type != MEMMAP_RAM || entry->address + entry->size > 1ull << 32) continue;
    const uint64_t words[] = {entry->address + PAGE_SIZE - 4, entry->address + entry->size - 4};
    for (uint32_t j = 0; j < 2; j++) {
      volatile uint32_t *word = physical(words[j]);
      uint32_t before = *word;
      *word = ~before;
      tally_item(&pages, words[j], *word, ~before);
      *word = before;
    }
  }
  check_tally("ram-writable", &pages);
}

static void check_no_wrap(void) {
  volatile uint32_t *low = physical(0xffc), *high = physical(0x100ffc);
  uint32_t low_before = *low, high_before = *high;
  *low = 0x10;
  *high = 0x20;
  check_equal("no-wrap-at-1mib", *low, 0x10);
  *high = high_before;
  *low = low_before;
}

void check_memory_map(void) {
  uint32_t count = start_info->memmap_entries;
  check("memmap-entries", count >= 1 && count <= 128, count, "1 to 128");
  check("memmap-pointer", start_info->memmap && !(start_info->memmap & 7), start_info->memmap, "an aligned address");
  if (!start_info->memmap || count > 128) return;
  trying("read the memory map");
  check_entries();
  check_total();
  trying("write to RAM");
  check_writable();
  check_no_wrap();
}
