/* A hypercall from ring 3 is refused, whatever it asks for. Direct guests only: there everything is mapped for ring 3. */
#include "boot.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "ring3.h"
#include "text.h"

#define GATE_FROM_RING3 0xee00
#define CODE 0x00cffb000000ffffull
#define DATA 0x00cff3000000ffffull
#define TSS_AVAILABLE 0x89

static uint64_t gdt[(RING3_TSS >> 3) + 1];
static struct {
  uint16_t offset_low, selector, type, offset_high;
} gates[RING3_RETURN_VECTOR + 1];
static struct {
  uint32_t link, esp0, ss0, rest[23];
} tss;

struct table_pointer {
  uint16_t limit;
  uint32_t base;
} __attribute__((packed));

/* The same segments as in interrupts.c, and those of ring 3; of the vectors only the way back. */
static void load(void) {
  struct table_pointer gdtr = {sizeof gdt - 1, (uint32_t)gdt};
  struct table_pointer idtr = {sizeof gates - 1, (uint32_t)gates};
  uint32_t base = (uint32_t)&tss, handler = (uint32_t)ring3_return;
  gdt[KERNEL_CS / 8] = 0x00cf9b000000ffffull;
  gdt[KERNEL_DS / 8] = 0x00cf93000000ffffull;
  gdt[FIRST_VCPU_SELECTOR / 8] = 0x00cf93000000ffffull;
  gdt[RING3_CS / 8] = CODE;
  gdt[RING3_DS / 8] = DATA;
  gdt[RING3_TSS / 8] = (sizeof tss - 1) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)TSS_AVAILABLE << 40 |
                       (uint64_t)(base >> 24) << 56;
  tss.ss0 = KERNEL_DS;
  tss.esp0 = (uint32_t)ring0_stack_top;
  gates[RING3_RETURN_VECTOR].offset_low = (uint16_t)handler;
  gates[RING3_RETURN_VECTOR].offset_high = (uint16_t)(handler >> 16);
  gates[RING3_RETURN_VECTOR].selector = KERNEL_CS;
  gates[RING3_RETURN_VECTOR].type = GATE_FROM_RING3;
  __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(RING3_TSS) : "memory");
}

static long from_ring3(unsigned number, unsigned long a, const void *b) {
  return (long)ring3_call((unsigned long)(hypercall_page + number * HYPERCALL_SLOT_SIZE), a, (unsigned long)b);
}

_Noreturn void guest_main(void) {
  struct xen_feature_info info = {0, 0};
  uint32_t reason = SHUTDOWN_CRASH;
  interrupts_init();
  on_xen();
  load();
  trying("call from ring 3");
  expect("version", from_ring3(HYPERCALL_XEN_VERSION, XENVER_VERSION, NULL), XEN_EPERM);
  expect("features", from_ring3(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &info), XEN_EPERM);
  check_equal("features-not-written", info.submap, 0);
  expect("shutdown", from_ring3(HYPERCALL_SCHED_OP, SCHEDOP_SHUTDOWN, &reason), XEN_EPERM);
  expect("unknown", from_ring3(HYPERCALL_UNKNOWN, 0, NULL), XEN_EPERM);
  check("ring0-again", hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0) > 0, 0, "a version");
  finish();
}
