/*
 * Starting and stopping the other vCPUs. Each has a stack of its own; it saves the state it was entered in, loads the
 * tables of interrupts.h and calls its main function with interrupts off. When that returns, the vCPU goes down.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-shared-info.h"
#include "xen-vcpu.h"

#define VCPU_STACK_SIZE 8192

typedef void vcpu_main(unsigned vcpu);

/* As smp.S pushes them. */
struct ap_registers {
#ifdef __x86_64__
  unsigned long ax, bx, cx, dx, si, di, bp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
#else
  unsigned long di, si, bp, unused_sp, bx, dx, cx, ax, flags;
#endif
};

struct ap_state {
  struct ap_registers registers;
  unsigned long sp, cr0, cr3, cr4;
  uint64_t efer;
  uint16_t cs, ds, es, ss, fs, gs;
  bool long_mode;
  /* Set when the rest is complete. */
  bool entered;
};

/* How each vCPU was entered last. */
extern volatile struct ap_state ap_states[LEGACY_MAX_VCPUS];

/* How many vCPUs there are: VCPUOP_is_up counted up to -ENOENT. */
unsigned vcpu_count(void);
unsigned long vcpu_stack_top(unsigned vcpu);

#ifdef __x86_64__
typedef struct vcpu_guest_context vcpu_context;
#else
typedef struct vcpu_hvm_context vcpu_context;
#endif

/* The context that enters `main` as described above, as VCPUOP_initialise takes it. Only one vCPU may use it at a time. */
vcpu_context *vcpu_context_for(unsigned vcpu, vcpu_main *main);
/* VCPUOP_initialise; the vCPU stays down. */
long vcpu_initialise(unsigned vcpu, vcpu_main *main);
long vcpu_up(unsigned vcpu);
/* 1 when up, 0 when down, or an error. */
long vcpu_is_up(unsigned vcpu);
/* VCPUOP_down for the vCPU that calls; returns when another one has brought it up again. */
void vcpu_down(void);
/* Initialises the vCPU, brings it up and waits until it is in `main`. Needs shared_info; ends the guest on failure. */
void vcpu_start(unsigned vcpu, vcpu_main *main);
/* Yields until `*flag` is at least `value`, at most for `timeout` ns. Returns whether it is. */
bool yield_until(const volatile uint32_t *flag, uint32_t value, uint64_t timeout);
