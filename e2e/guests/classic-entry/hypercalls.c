/* The hypercall page, and what the first hypercalls of every guest answer. */
#include "checks.h"
#include "console.h"
#include "hypercall.h"
#include "real-xen.h"
#include "text.h"
#include "verdict.h"

#define XENFEAT_WRITABLE_PAGE_TABLES (1u << 0)
#define XENFEAT_AUTO_TRANSLATED_PHYSMAP (1u << 2)
#define XENFEAT_SUPERVISOR_MODE_KERNEL (1u << 3)
#define XENFEAT_HVM_CALLBACK_VECTOR (1u << 8)
#define XENFEAT_HVM_PIRQS (1u << 10)
#define MAP_ENTRIES 128
#define RAM 1

/* hypercall-registers.S: calls xen_version with a value in every other register; a set bit for each that changed. */
uint64_t changed_registers(const void *stub);

/* Everything after `mov $slot, %eax` and before `ret` is the hypervisor's business, but it is one of three traps. */
static uint32_t trap_length(const uint8_t *code) {
  if (code[0] == 0x0f && code[1] == 0x01 && (code[2] == 0xc1 || code[2] == 0xd9)) return 3;
  return code[0] == 0xe7 ? 2 : 0;
}

void check_hypercall_page(void) {
  struct tally opcodes = {0}, numbers = {0}, traps = {0}, returns = {0};
  trying("read the hypercall page");
  for (uint32_t slot = 0; slot < HYPERCALL_SLOTS; slot++) {
    const uint8_t *stub = hypercall_page + slot * HYPERCALL_SLOT_SIZE;
    if (slot == HYPERCALL_IRET) continue;
    uint32_t trap = trap_length(stub + 5);
    uint32_t number;
    memcpy(&number, stub + 1, sizeof number);
    tally_item(&opcodes, slot, stub[0], 0xb8);
    tally_item(&numbers, slot, number, slot);
    tally_item(&traps, slot, trap && !memcmp(stub + 5, hypercall_page + 5, trap), 1);
    tally_item(&returns, slot, stub[5 + trap], 0xc3);
  }
  const uint8_t *iret = hypercall_page + HYPERCALL_IRET * HYPERCALL_SLOT_SIZE;
  check_tally("stub-opcodes", &opcodes);
  check_tally("stub-numbers", &numbers);
  check_tally("stub-traps", &traps);
  check_tally("stub-returns", &returns);
  check_equal("stub-iret-ud2", iret[0] | iret[1] << 8, 0x0b0f);
}

static void check_features(void) {
  struct xen_feature_info info = {0, 0};
  uint32_t needed = XENFEAT_WRITABLE_PAGE_TABLES | XENFEAT_AUTO_TRANSLATED_PHYSMAP | XENFEAT_HVM_CALLBACK_VECTOR;
  check_equal("features-result", (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &info), 0);
  check_bits("features", info.submap, needed, needed);
  /* It told PVHv1 guests apart, which Xen no longer has since 4.9. Kernels look at it only when they start another vCPU. */
  check_bits("features-supervisor-mode-kernel", info.submap, XENFEAT_SUPERVISOR_MODE_KERNEL,
             real_xen() ? 0 : XENFEAT_SUPERVISOR_MODE_KERNEL);
  check_bits("features-no-pirqs", info.submap, XENFEAT_HVM_PIRQS, 0);
  check_equal("features-index-kept", info.submap_index, 0);
  info.submap_index = 1;
  check_equal("features-submap-1", (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &info),
              (uint64_t)XEN_EINVAL);
}

static void check_memory_map(void) {
  static struct xen_memory_map_entry entries[MAP_ENTRIES];
  struct xen_memory_map map = {MAP_ENTRIES, entries};
  uint64_t ram = 0, end = 0;
  bool sorted = true;
  check_equal("memory-map-result", (uint64_t)hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_MEMORY_MAP, &map), 0);
  check("memory-map-entries", map.entries > 0 && map.entries <= MAP_ENTRIES, map.entries, "1 to 128");
  for (uint32_t i = 0; i < map.entries && i < MAP_ENTRIES; i++) {
    sorted = sorted && entries[i].address >= end;
    end = entries[i].address + entries[i].size;
    if (entries[i].type == RAM) ram += entries[i].size;
  }
  check_equal("memory-map-starts", entries[0].address, 0);
  check_equal("memory-map-first-type", entries[0].type, RAM);
  check("memory-map-sorted", sorted, end, "ascending entries that do not overlap");
  check_equal("memory-map-ram", ram, start_info->nr_pages * PAGE_SIZE);
}

static void check_bad_pointers(void) {
  struct xen_feature_info *last = (struct xen_feature_info *)(mapping_end - 4);
  trying("pass pointers that the hypervisor must refuse");
  check_equal("pointer-unmapped",
              (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, (void *)0x1000),
              (uint64_t)XEN_EFAULT);
  check_equal("pointer-non-canonical",
              (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, (void *)0x800000000000),
              (uint64_t)XEN_EFAULT);
  check_equal("pointer-over-the-end", (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, last),
              (uint64_t)XEN_EFAULT);
}

void check_hypercalls(void) {
  char extra_version[16] = {0};
  static const char line[] = "classic-entry: this line came by console_io\n";
  trying("call xen_version");
  uint64_t version = (uint64_t)hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  check("xen-version", version >> 16 >= 4 && version >> 16 < 16, version, "4.x or later");
  check_equal("registers-kept", changed_registers(hypercall_page + HYPERCALL_XEN_VERSION * HYPERCALL_SLOT_SIZE), 0);
  check_features();
  check_equal("extra-version-result",
              (uint64_t)hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_EXTRAVERSION, extra_version), 0);
  check("extra-version", text_length(extra_version, sizeof extra_version) < sizeof extra_version,
        (uint8_t)extra_version[0], "text that ends within 16 bytes");
  check_memory_map();
  check_equal("unknown-hypercall", (uint64_t)hypercall(HYPERCALL_UNKNOWN, 0, 0, 0), (uint64_t)XEN_ENOSYS);
  check_equal("last-slot", (uint64_t)hypercall(HYPERCALL_SLOTS - 1, 0, 0, 0), (uint64_t)XEN_ENOSYS);
  check_equal("unknown-suboperation", (uint64_t)hypercall(HYPERCALL_XEN_VERSION, 99, 0, 0), (uint64_t)XEN_ENOSYS);
  check_bad_pointers();
  /* Release builds of Xen refuse it for ordinary domains. */
  long written = hypercall(HYPERCALL_CONSOLE_IO, CONSOLEIO_WRITE, sizeof line - 1, (unsigned long)line);
  check("console-io", written == 0 || written == XEN_EPERM, (uint64_t)written, "0 or -EPERM");
  check_equal("sched-yield", (uint64_t)hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0), 0);
}
