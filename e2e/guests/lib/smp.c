#include "smp.h"
#include "clock.h"
#include "cpu.h"
#include "hypercall.h"
#include "interrupts.h"
#include "text.h"
#include "verdict.h"

#define MSR_EFER 0xc0000080
#define START_TIMEOUT (30 * SECOND)

volatile struct ap_state ap_states[LEGACY_MAX_VCPUS];

static uint8_t stacks[LEGACY_MAX_VCPUS][VCPU_STACK_SIZE] __attribute__((aligned(16), section(".bss.stacks")));
static vcpu_main *mains[LEGACY_MAX_VCPUS];
static volatile uint32_t running[LEGACY_MAX_VCPUS];

void vcpu_context_fill(vcpu_context *context, unsigned vcpu);
_Noreturn void ap_enter(unsigned long vcpu, const struct ap_registers *registers);

#define READ_REGISTER(name)                               \
  ({                                                      \
    unsigned long value;                                  \
    __asm__ volatile("mov %%" #name ", %0" : "=r"(value)); \
    value;                                                \
  })

/* Called by ap_entry, before anything of the state has changed that it saves. */
_Noreturn void ap_enter(unsigned long vcpu, const struct ap_registers *registers) {
  volatile struct ap_state *state = &ap_states[vcpu];
  unsigned probe;
  /* A prefix in 64-bit code, and a decrement of eax in any other. */
  __asm__ volatile("xor %%eax, %%eax; .byte 0x48; nop" : "=a"(probe));
  state->registers = *registers;
  state->sp = (unsigned long)(registers + 1);
  state->cr0 = READ_REGISTER(cr0);
  state->cr3 = READ_REGISTER(cr3);
  state->cr4 = READ_REGISTER(cr4);
  state->efer = read_msr(MSR_EFER);
  state->cs = (uint16_t)READ_REGISTER(cs);
  state->ds = (uint16_t)READ_REGISTER(ds);
  state->es = (uint16_t)READ_REGISTER(es);
  state->ss = (uint16_t)READ_REGISTER(ss);
  state->fs = (uint16_t)READ_REGISTER(fs);
  state->gs = (uint16_t)READ_REGISTER(gs);
  state->long_mode = probe == 0;
  state->entered = true;
  interrupts_load((unsigned)vcpu);
  running[vcpu] = 1;
  mains[vcpu]((unsigned)vcpu);
  interrupts_off();
  running[vcpu] = 0;
  for (;;) vcpu_down();
}

unsigned vcpu_count(void) {
  unsigned count = 0;
  while (count < LEGACY_MAX_VCPUS && vcpu_is_up(count) >= 0) count++;
  return count;
}

unsigned long vcpu_stack_top(unsigned vcpu) {
  return (unsigned long)stacks[vcpu] + VCPU_STACK_SIZE;
}

vcpu_context *vcpu_context_for(unsigned vcpu, vcpu_main *main) {
  static vcpu_context context;
  mains[vcpu] = main;
  memset(&context, 0, sizeof context);
  vcpu_context_fill(&context, vcpu);
  return &context;
}

long vcpu_initialise(unsigned vcpu, vcpu_main *main) {
  return hypercall_vcpu(VCPUOP_INITIALISE, vcpu, vcpu_context_for(vcpu, main));
}

long vcpu_up(unsigned vcpu) {
  return hypercall_vcpu(VCPUOP_UP, vcpu, NULL);
}

long vcpu_is_up(unsigned vcpu) {
  return hypercall_vcpu(VCPUOP_IS_UP, vcpu, NULL);
}

void vcpu_down(void) {
  hypercall_vcpu(VCPUOP_DOWN, current_vcpu(), NULL);
}

bool yield_until(const volatile uint32_t *flag, uint32_t value, uint64_t timeout) {
  uint64_t deadline = clock_now() + timeout;
  while (*flag < value && clock_now() < deadline) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  return *flag >= value;
}

void vcpu_start(unsigned vcpu, vcpu_main *main) {
  long result = vcpu_initialise(vcpu, main);
  if (!result) result = vcpu_up(vcpu);
  if (!result && yield_until(&running[vcpu], 1, START_TIMEOUT)) return;
  check("vcpu-start", false, (unsigned long)result, "a vCPU that runs");
  finish();
}
