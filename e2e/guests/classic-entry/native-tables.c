/* An own GDT and IDT, loaded with the native instructions; then exceptions show what is mapped and what is not. */
#include "checks.h"
#include "cpu.h"
#include "native-tables.h"
#include "verdict.h"

enum { DIVIDE_ERROR = 0, GENERAL_PROTECTION = 13, PAGE_FAULT = 14, VECTORS = 32 };
#define INTERRUPT_GATE 0x8e00
#define LEAF_FLAGS 0x023

struct fault fault;

static uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};

static struct {
  uint16_t offset_low, selector, type, offset_middle;
  uint32_t offset_high, reserved;
} idt[VECTORS];

static void load_tables(void) {
  for (uint32_t vector = 0; vector < VECTORS; vector++) {
    uint64_t handler = (uintptr_t)exception_stubs + vector * EXCEPTION_STUB_SIZE;
    idt[vector].offset_low = (uint16_t)handler;
    idt[vector].selector = KERNEL_CS;
    idt[vector].type = INTERRUPT_GATE;
    idt[vector].offset_middle = (uint16_t)(handler >> 16);
    idt[vector].offset_high = (uint32_t)(handler >> 32);
  }
  const struct table_register gdtr = {sizeof gdt - 1, (uintptr_t)gdt};
  const struct table_register idtr = {sizeof idt - 1, (uintptr_t)idt};
  trying("load an own GDT and IDT");
  load_descriptor_tables(&gdtr, &idtr);
}

static void divide_by(uint64_t divisor) {
  uint64_t quotient = 1, remainder = 0;
  __asm__ volatile("divq %2" : "+a"(quotient), "+d"(remainder) : "r"(divisor));
}

static void read_word(uint64_t address) {
  (void)*(volatile uint64_t *)address;
}

static void expect_page_fault(const char *name, uint64_t address) {
  trying(name);
  uint32_t vector = catch_exception(read_word, address);
  check(name, vector == PAGE_FAULT && fault.address == address && !(fault.error & 1), vector,
        "a page fault (0xe) at that address");
}

void check_native_tables(void) {
  uint16_t cs;
  load_tables();
  __asm__ volatile("mov %%cs, %0" : "=r"(cs));
  check_equal("own-cs", cs, KERNEL_CS);
  trying("raise exceptions");
  check_equal("own-idt-divide-error", catch_exception(divide_by, 0), DIVIDE_ERROR);
  check_equal("own-idt-no-exception", catch_exception(divide_by, 1), NO_EXCEPTION);
  check_equal("own-idt-non-canonical", catch_exception(read_word, 0x8000000000000000), GENERAL_PROTECTION);
  trying("return with iretq");
  check_equal("own-iretq", return_by_iretq(), KERNEL_CS);
  expect_page_fault("nothing-mapped-at-zero", 0);
  expect_page_fault("nothing-mapped-below", VIRT_BASE - 8);
  expect_page_fault("nothing-mapped-above", mapping_end);
  expect_page_fault("nothing-mapped-at-top", 0xfffffffffffff000);
}
