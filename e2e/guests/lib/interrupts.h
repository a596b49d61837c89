/*
 * The guest's own GDT and IDT, and C functions as handlers of vectors. Tables and handlers are shared by all vCPUs; each
 * vCPU has a data segment of its own in FS, whose selector says which vCPU it is.
 */
#pragma once

#define KERNEL_CS 8
#define KERNEL_DS 16
#define FIRST_VCPU_SELECTOR 24
#define INTERRUPT_STUB_SIZE 16

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

enum { VECTOR_NMI = 2, VECTOR_PAGE_FAULT = 14 };

struct interrupt_frame {
  unsigned long vector;
  /* 0 for vectors that have none. */
  unsigned long error;
  /* Where execution goes on; a handler may change it. */
  unsigned long ip;
  unsigned long cs;
  unsigned long flags;
#ifdef __x86_64__
  unsigned long sp;
  unsigned long ss;
#endif
};

typedef void interrupt_handler(struct interrupt_frame *frame);

/* Builds the tables and loads them on the boot vCPU. Repeated calls do nothing. */
void interrupts_init(void);
/* Loads them on the vCPU that calls. */
void interrupts_load(unsigned vcpu);
/* A vector without a handler is a broken promise and ends the guest. NULL takes a handler away. */
void interrupt_handle(uint8_t vector, interrupt_handler *handler);

/* Valid after interrupts_init, on APs after interrupts_load. */
static inline unsigned current_vcpu(void) {
  unsigned selector;
  __asm__ volatile("mov %%fs, %0" : "=r"(selector));
  return ((selector & 0xffff) - FIRST_VCPU_SELECTOR) / 8;
}

static inline void interrupts_on(void) {
  __asm__ volatile("sti" : : : "memory");
}

static inline void interrupts_off(void) {
  __asm__ volatile("cli" : : : "memory");
}

static inline bool interrupts_enabled(void) {
  unsigned long flags;
  __asm__ volatile("pushf; pop %0" : "=r"(flags));
  return flags & 1 << 9;
}

/* With interrupts off: halts until one came and was handled, however early it came. They are off again afterwards. */
static inline void wait_for_interrupt(void) {
  __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/*
 * Takes what is due and comes back. With interrupts off; they are off again afterwards. The port does nothing; a KVM that
 * emulates the kernel's code looks for interrupts only at exits.
 */
static inline void take_interrupts(void) {
  __asm__ volatile("sti; nop; out %%al, $0x80; nop; cli" : : : "memory");
}

static inline void relax(void) {
  __asm__ volatile("pause" : : : "memory");
}
#endif
