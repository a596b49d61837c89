/* From the entry to the memory map, and where each vCPU's information goes. */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "hypercall.h"
#include "interrupts.h"
#include "linux.h"
#include "pv-start-info.h"
#include "real-xen.h"
#include "shared-info.h"
#include "text.h"
#include "verdict.h"
#include "xen-cpuid.h"
#include "xen-memory.h"
#include "xen-vcpu.h"

#define MSR_EFER 0xc0000080
#define EFER_SCE 1
#define EFER_NXE (1 << 11)
#define CR0_MP (1ul << 1)
#define CR0_NE (1ul << 5)
#define CR0_WP (1ul << 16)
#define CR0_AM (1ul << 18)
#define VCPU_INFO_OFFSET 0x840
#define E820_ENTRIES 128
#define E820_RAM 1
/* writable_page_tables, auto_translated_physmap, supervisor_mode_kernel, hvm_callback_vector. */
#define NEEDED_FEATURES 0x10du
#define FEATURE_SUPERVISOR_MODE_KERNEL 8u
#define FEATURE_HVM_PIRQS 0x400

struct percpu percpu[NR_CPUS] ZEROED_PAGES;

static struct vcpu_runstate_info runstates[NR_CPUS];
static struct xen_memory_map_entry map_entries[E820_ENTRIES];

static void setup_features(void) {
  struct xen_feature_info info = {0, 0};
  long result = hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &info);
  bug_on("features", result < 0, result);
  uint32_t needed = NEEDED_FEATURES;
  /* Xen since 4.9 has it no more, and the loader's hypercall page shows it only to guests of several vCPUs, which it matters to. */
  if (real_xen() && hypercall_vcpu(VCPUOP_IS_UP, 1, NULL) < 0) needed &= ~FEATURE_SUPERVISOR_MODE_KERNEL;
  bug_on("features-needed", (info.submap & needed) != needed, info.submap);
  check_equal("features-no-pirqs", info.submap & FEATURE_HVM_PIRQS, 0);
}

void setup_cr0(void) {
  unsigned long cr0;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_MP | CR0_NE | CR0_WP | CR0_AM));
}

/* As x86_configure_nx and xen_pvh_early_guest_init do. */
static void setup_cpu(void) {
  check_bits("nx", cpuid(0x80000001).edx, 1 << 20, 1 << 20);
  write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
  check_bits("efer", read_msr(MSR_EFER), EFER_SCE | EFER_NXE, EFER_SCE | EFER_NXE);
  setup_cr0();
}

static void skip_instruction(struct interrupt_frame *frame) {
  frame->ip += 2;
}

/* What CPU detection reads, where a fault is as good as a value; and what system calls and per-CPU data need. */
static void probe_msrs(void) {
  static const uint32_t read[] = {0x1b, 0x277, 0x8b, 0xc0010015, 0xc0011029, 0xc0010112, 0xc0010000, 0xc0010004};
  static const uint32_t written[] = {0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102};
  interrupt_handle(13, skip_instruction);
  for (uint32_t i = 0; i < sizeof read / sizeof *read; i++) read_msr(read[i]);
  interrupt_handle(13, NULL);
  struct tally values = {0};
  for (uint32_t i = 0; i < sizeof written / sizeof *written; i++) {
    uint64_t value = i == 3 ? 0x47700 : 0xffffffff81000000;
    write_msr(written[i], value);
    tally_item(&values, written[i], read_msr(written[i]), value);
  }
  check_tally("msrs", &values);
}

/* The hypervisor is found by its signature; KVM's would be matched as well. */
static void probe_hypervisor(void) {
  bool xen = false, kvm = false;
  for (uint32_t base = CPUID_HYPERVISOR_BASE; base < CPUID_HYPERVISOR_END; base += 0x100) {
    xen |= cpuid_signature_is(base, "XenVMMXenVMM");
    kvm |= cpuid_signature_is(base, "KVMKVMKVM\0\0\0");
  }
  check("signature", xen && !kvm, xen, "Xen's and not KVM's");
}

/* PCI, the timer, the interrupt controllers and serial ports: nothing of it is there. */
static void probe_ports(void) {
  static const uint16_t ports[] = {0xcfc, 0xcfe, 0x61, 0x42, 0x21, 0xa1, 0x2f9, 0x3e9, 0x2e9};
  struct tally absent = {0};
  out8(0xcfb, 1);
  out8(0x43, 0xb0);
  out8(0x42, 0xff);
  for (uint32_t i = 0; i < sizeof ports / sizeof *ports; i++) tally_item(&absent, ports[i], in8(ports[i]), 0xff);
  tally_item(&absent, 0xcf8, in32(0xcf8), 0xffffffff);
  check_tally("absent-ports", &absent);
}

static void count_cpus(void) {
  for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
    long result = hypercall_vcpu(VCPUOP_IS_UP, cpu, NULL);
    if (result >= 0) cpus++;
    if (result < 0) tolerates("cpu-not-there", result, XEN_ENOENT, XEN_EINVAL);
    if (cpu) continue;
    check_equal("cpu-0-up", (uint32_t)result, 1);
  }
  bug_on("cpus", cpus == 0, cpus);
}

void register_runstate(unsigned cpu) {
  struct vcpu_memory_area area = {.address = 0};
  area.pointer = &runstates[cpu];
  long result = hypercall_vcpu(VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, cpu, &area);
  bug_on("register-runstate", result != 0, result);
}

static void memory_setup(void) {
  struct xen_memory_map map = {E820_ENTRIES, map_entries};
  long result = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_MEMORY_MAP, &map);
  bug_on("memory-map", result != 0, result);
  bug_on("memory-map-entries", map.entries == 0 || map.entries > E820_ENTRIES, map.entries);
  bug_on("memory-map-ram", map_entries[0].type != E820_RAM || map_entries[0].address, map_entries[0].type);
  check("memory-map-size", map_entries[0].size >= start_info->nr_pages * PAGE_SIZE, map_entries[0].size,
        "all pages at least");
}

static void early_printk(const char *text) {
  long result = hypercall(HYPERCALL_CONSOLE_IO, CONSOLEIO_WRITE, text_length(text, 100), (unsigned long)text);
  check("console-io", result >= 0 || result == XEN_EPERM, (uint32_t)result, "success or -EPERM");
}

static void banner(void) {
  char extra[16] = "";
  long version = hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  long result = hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_EXTRAVERSION, extra);
  check("xen-version", version >> 16 == 4, (uint32_t)version, "4.x");
  check_equal("xen-extraversion", (uint32_t)result, 0);
  print("Booting paravirtualized kernel with PVH extensions on Xen\nXen version: ");
  print_decimal((uint64_t)version >> 16);
  put_char('.');
  print_decimal((uint64_t)version & 0xffff);
  print_untrusted(extra, sizeof extra);
  put_char('\n');
}

void start_kernel(void) {
  uint64_t mapping[3];
  setup_features();
  setup_cpu();
  long result = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_MACHPHYS_MAPPING, mapping);
  check("machphys-mapping", result <= 0, (uint32_t)result, "any error, or an answer");
  interrupts_init();
  count_cpus();
  early_printk("mapping kernel into physical memory\n");
  setup_page_tables();
  early_printk("about to get started...\n");
  register_runstate(0);
  memory_setup();
  banner();
  probe_hypervisor();
  probe_msrs();
  probe_ports();
}

/* All from vCPU 0, before the others are initialised, and once for each. */
void vcpu_info_placement(void) {
  shared_info_map();
  for (unsigned cpu = 0; cpu < cpus; cpu++) {
    volatile struct vcpu_info *place = (volatile struct vcpu_info *)(percpu[cpu].page + VCPU_INFO_OFFSET);
    long result = register_vcpu_info(cpu, place);
    bug_on("vcpu-info", result != 0, result);
  }
  /* xen_tsc_khz reads the copy that stays behind; a multiplier of 0 would be a divide error. */
  bug_on("stale-clock", shared_info->vcpu_info[0].time.tsc_to_system_mul == 0, 0);
  bug_on("clock", vcpu_info(0)->time.tsc_to_system_mul == 0, 0);
}
