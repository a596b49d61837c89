#include "interrupts.h"
#include "console.h"
#include "verdict.h"
#include "xen-shared-info.h"

#define VECTORS 256
#define INTERRUPT_GATE 0x8e00
#define DATA_SEGMENT 0x00cf93000000ffffull
#ifdef __x86_64__
#define CODE_SEGMENT 0x00af9b000000ffffull
#else
#define CODE_SEGMENT 0x00cf9b000000ffffull
#endif

struct table_pointer {
  uint16_t limit;
  unsigned long base;
} __attribute__((packed));

struct gate {
  uint16_t offset_low, selector, type, offset_middle;
#ifdef __x86_64__
  uint32_t offset_high, reserved;
#endif
};

extern const uint8_t interrupt_stubs[];
void load_tables(const struct table_pointer *gdt, const struct table_pointer *idt, unsigned long vcpu_selector);
/* Called by interrupt_common. */
void interrupt_dispatch(struct interrupt_frame *frame);

static uint64_t gdt[FIRST_VCPU_SELECTOR / 8 + LEGACY_MAX_VCPUS];
static struct gate idt[VECTORS];
static interrupt_handler *handlers[VECTORS];

static void build(void) {
  gdt[KERNEL_CS / 8] = CODE_SEGMENT;
  for (unsigned i = KERNEL_DS / 8; i < sizeof gdt / sizeof *gdt; i++) gdt[i] = DATA_SEGMENT;
  for (unsigned vector = 0; vector < VECTORS; vector++) {
    unsigned long stub = (unsigned long)interrupt_stubs + vector * INTERRUPT_STUB_SIZE;
    idt[vector].offset_low = (uint16_t)stub;
    idt[vector].selector = KERNEL_CS;
    idt[vector].type = INTERRUPT_GATE;
    idt[vector].offset_middle = (uint16_t)(stub >> 16);
#ifdef __x86_64__
    idt[vector].offset_high = (uint32_t)(stub >> 32);
#endif
  }
}

void interrupts_load(unsigned vcpu) {
  const struct table_pointer gdt_pointer = {sizeof gdt - 1, (unsigned long)gdt};
  const struct table_pointer idt_pointer = {sizeof idt - 1, (unsigned long)idt};
  load_tables(&gdt_pointer, &idt_pointer, FIRST_VCPU_SELECTOR + 8ul * vcpu);
}

void interrupts_init(void) {
  static bool done;
  if (done) return;
  done = true;
  build();
  interrupts_load(0);
}

void interrupt_handle(uint8_t vector, interrupt_handler *handler) {
  handlers[vector] = handler;
}

void interrupt_dispatch(struct interrupt_frame *frame) {
  interrupt_handler *handler = handlers[frame->vector];
  if (handler) {
    handler(frame);
    return;
  }
  unsigned long cr2;
  __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
  print("unexpected vector on vCPU ");
  print_decimal(current_vcpu());
  print(": ip ");
  print_hex(frame->ip);
  print(", error ");
  print_hex(frame->error);
  print(", cr2 ");
  print_hex(cr2);
  put_char('\n');
  check("vector", false, frame->vector, "only vectors that have a handler");
  finish();
}
