/* What a direct guest finds on Xen: ACPI tables, special pages, CPUID leaves, the hypercall MSR and the first hypercalls. */
#include "acpi.h"
#include "boot.h"
#include "checks.h"
#include "console.h"
#include "cpu.h"
#include "hypercall.h"
#include "verdict.h"
#include "xen-cpuid.h"

#define SPECIAL_REGION 0xfeff8000
#define SPECIAL_REGION_SIZE 0x8000
#define STORE_PAGE 0xfeffc000
#define CONSOLE_PAGE 0xfefff000
#define STORE_RING_INDICES 2048
#define CONSOLE_RING_INDICES 3072
#define HYPERVISOR_PRESENT (1u << 31)
#define XENFEAT_WRITABLE_PAGE_TABLES (1u << 0)
#define XENFEAT_AUTO_TRANSLATED_PHYSMAP (1u << 2)
#define XENFEAT_HVM_CALLBACK_VECTOR (1u << 8)
#define MAP_ENTRIES 128
#define PAGE_SIZE 4096u
#define ACPI_INFO 0xfc000000
#define ACPI_TABLES 0xfc001000
#define MADT_ENTRIES 44
#define LOCAL_APIC_SIZE 8u
#define LOCAL_APIC_FLAGS 4
#define LOCAL_APIC_ENABLED 1u
/* In the hole below 4 GiB, away from the special pages. */
#define ABSENT_ADDRESS 0xfd000000

static bool entry_enabled(const uint8_t *madt) {
  return madt[MADT_ENTRIES + LOCAL_APIC_FLAGS] & LOCAL_APIC_ENABLED;
}

static void check_special_pages(void) {
  const struct hvm_memmap_entry *map = physical(start_info->memmap);
  bool reserved = false;
  for (uint32_t i = 0; i < start_info->memmap_entries; i++)
    reserved = reserved || (map[i].type == MEMMAP_RESERVED && map[i].address <= SPECIAL_REGION &&
                            map[i].address + map[i].size >= SPECIAL_REGION + SPECIAL_REGION_SIZE);
  check("special-pages-reserved", reserved, reserved, "an entry that reserves 0xfeff8000 to 0xfeffffff");
  struct tally rings = {0}, writable = {0};
  const uint32_t indices[] = {STORE_PAGE + STORE_RING_INDICES, CONSOLE_PAGE + CONSOLE_RING_INDICES};
  trying("read the xenstore and console rings");
  for (uint32_t i = 0; i < 8; i++) {
    volatile uint32_t *index = (volatile uint32_t *)physical(indices[i / 4]) + i % 4;
    tally_item(&rings, (uintptr_t)index, *index, 0);
  }
  check_tally("rings-empty", &rings);
  for (uint32_t i = 0; i < 2; i++) {
    volatile uint32_t *word = (volatile uint32_t *)physical(i ? CONSOLE_PAGE : STORE_PAGE);
    *word = 0xabcd;
    tally_item(&writable, (uintptr_t)word, *word, 0xabcd);
    *word = 0;
  }
  check_tally("rings-writable", &writable);
}

static void check_cpuid(void) {
  uint64_t foreign = 0;
  uint32_t base = xen_cpuid_base();
  check_bits("cpuid-hypervisor-bit", cpuid(1).ecx, HYPERVISOR_PRESENT, HYPERVISOR_PRESENT);
  check("cpuid-xen", base == CPUID_HYPERVISOR_BASE, base, "XenVMMXenVMM at 0x40000000");
  check("cpuid-xen-leaves", cpuid(base).eax >= base + 2, cpuid(base).eax, "at least the base + 2");
  check_equal("cpuid-hypercall-pages", cpuid(base + 2).eax, 1);
  check_equal("cpuid-hypercall-msr", cpuid(base + 2).ebx, 0x40000000);
  for (uint32_t leaf = CPUID_HYPERVISOR_BASE; leaf < CPUID_HYPERVISOR_END; leaf += 0x100)
    foreign += cpuid_signature_is(leaf, "KVMKVMKVM\0\0");
  check_equal("cpuid-no-kvm", foreign, 0);
}

static void check_hypercall_page(void) {
  struct tally opcodes = {0}, numbers = {0};
  const uint8_t *iret = hypercall_page + HYPERCALL_IRET * HYPERCALL_SLOT_SIZE;
  for (uint32_t slot = 0; slot < HYPERCALL_SLOTS; slot++) {
    const uint8_t *stub = hypercall_page + slot * HYPERCALL_SLOT_SIZE;
    uint32_t number;
    if (slot == HYPERCALL_IRET) continue;
    memcpy(&number, stub + 1, sizeof number);
    tally_item(&opcodes, slot, stub[0], 0xb8);
    tally_item(&numbers, slot, number, slot);
  }
  check_tally("stub-opcodes", &opcodes);
  check_tally("stub-numbers", &numbers);
  check_equal("stub-iret-ud2", iret[0] | iret[1] << 8, 0x0b0f);
}

static void check_memory_map_hypercall(void) {
  static struct xen_memory_map_entry entries[MAP_ENTRIES];
  struct xen_memory_map map = {MAP_ENTRIES, entries};
  const struct hvm_memmap_entry *table = physical(start_info->memmap);
  struct tally same = {0};
  check_equal("memory-map-result", (uint32_t)hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_MEMORY_MAP, &map), 0);
  check_equal("memory-map-entries", map.entries, start_info->memmap_entries);
  for (uint32_t i = 0; i < map.entries && i < start_info->memmap_entries; i++) {
    tally_item(&same, i, entries[i].address, table[i].address);
    tally_item(&same, i, entries[i].size, table[i].size);
    tally_item(&same, i, entries[i].type, table[i].type);
  }
  check_tally("memory-map-same", &same);
}

static void check_hypercalls(void) {
  struct xen_feature_info info = {0, 0};
  const uint32_t needed = XENFEAT_WRITABLE_PAGE_TABLES | XENFEAT_AUTO_TRANSLATED_PHYSMAP | XENFEAT_HVM_CALLBACK_VECTOR;
  static const char line[] = "direct-entry: this line came by console_io\n";
  trying("call xen_version");
  uint32_t version = (uint32_t)hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  check("xen-version", version >> 16 >= 4 && version >> 16 < 16, version, "4.x or later");
  check_equal("cpuid-xen-version", cpuid(xen_cpuid_base() + 1).eax, version);
  check_equal("features-result", (uint32_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &info), 0);
  check_bits("features", info.submap, needed, needed);
  check_memory_map_hypercall();
  check_equal("unknown-hypercall", (uint32_t)hypercall(HYPERCALL_UNKNOWN, 0, 0, 0), (uint32_t)XEN_ENOSYS);
  check_equal("unknown-suboperation", (uint32_t)hypercall(HYPERCALL_XEN_VERSION, 99, 0, 0), (uint32_t)XEN_ENOSYS);
  trying("pass a pointer that the hypervisor must refuse");
  check_equal("pointer-outside-ram",
              (uint32_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, (void *)ABSENT_ADDRESS),
              (uint32_t)XEN_EFAULT);
  uint32_t written = (uint32_t)hypercall(HYPERCALL_CONSOLE_IO, CONSOLEIO_WRITE, sizeof line - 1, (unsigned long)line);
  check("console-io", written == 0 || written == (uint32_t)XEN_EPERM, written, "0 or -EPERM");
  check_equal("sched-yield", (uint32_t)hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0), 0);
}

/* Where libxl puts them. Powering off goes through the hypervisor, so there is no _S5. */
static void check_acpi(void) {
  struct acpi_sleep sleep = {0, 0};
  const uint32_t fixed[] = {ACPI_INFO, ACPI_TABLES};
  struct tally places = {0};
  for (uint32_t i = 0; i < 2; i++) tally_item(&places, fixed[i], is_acpi(fixed[i], PAGE_SIZE), true);
  check_tally("acpi-places", &places);
  if (!check_acpi_tables()) return;
  check_equal("acpi-no-s5", acpi_find_s5(&sleep), false);
  const uint8_t *madt = (const uint8_t *)acpi_find("APIC");
  if (!madt) return;
  uint32_t entry[2], possible = (((const struct acpi_table *)madt)->length - MADT_ENTRIES) / LOCAL_APIC_SIZE;
  struct tally apics = {0};
  for (uint32_t i = 0; i < possible; i++) {
    memcpy(entry, madt + MADT_ENTRIES + i * LOCAL_APIC_SIZE, LOCAL_APIC_SIZE);
    /* Type 0, size 8, processor i, APIC id 2 * i. */
    tally_item(&apics, i, entry[0], LOCAL_APIC_SIZE << 8 | i << 16 | (2 * i) << 24);
    tally_item(&apics, i, entry[1] & ~LOCAL_APIC_ENABLED, 0);
  }
  check("madt-apics", possible >= 1 && entry_enabled(madt), possible, "at least the one that runs, enabled");
  check_tally("madt-entries", &apics);
}

void check_xen(void) {
  print("platform - xen\n");
  check_acpi();
  check_special_pages();
  check_cpuid();
  check_hypercall_page();
  check_hypercalls();
}
