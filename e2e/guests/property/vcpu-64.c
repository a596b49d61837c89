/* VCPUOP_initialise with a 64-bit context, from a guest that is in 32-bit mode itself. Direct guests only. */
#include "vcpu-64.h"
#include "address.h"
#include "boot.h"
#include "clock.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "shared-info.h"
#include "smp.h"

#define PATIENCE (30 * SECOND)
#define ENTRIES 512
#define TABLE 0x067
#define LARGE_PAGE 0x0e7
#define PE_ET_PG 0x80000011
#define PAE 0x20
#define LME 0x100
#define LMA 0x400

static uint64_t level4[ENTRIES] ZEROED_PAGES;
static uint64_t level3[ENTRIES] ZEROED_PAGES;
static uint64_t level2[ENTRIES] ZEROED_PAGES;

/* The first GiB, as it is. */
static void map(void) {
  level4[0] = physical_address(level3) | TABLE;
  level3[0] = physical_address(level2) | TABLE;
  for (uint64_t i = 0; i < ENTRIES; i++) level2[i] = i << 21 | LARGE_PAGE;
}

static struct vcpu_hvm_context context = {.mode = VCPU_HVM_MODE_64B};

static long initialise(void) {
  struct vcpu_hvm_x86_64 *regs = &context.x86_64;
  regs->rax = 0x1111222233334444;
  regs->rbx = 0x2222333344445555;
  regs->rcx = 0x3333444455556666;
  regs->rdx = 0x4444555566667777;
  regs->rbp = 0x5555666677778888;
  regs->rsi = 0x6666777788889999;
  regs->rdi = 0x777788889999aaaa;
  regs->rsp = vcpu_stack_top(1);
  regs->rip = (unsigned long)wide_entry;
  regs->rflags = 2;
  regs->cr0 = PE_ET_PG;
  regs->cr3 = physical_address(level4);
  regs->cr4 = PAE;
  regs->efer = LME;
  return hypercall_vcpu(VCPUOP_INITIALISE, 1, &context);
}

static void wait_down(const char *name) {
  uint64_t end = clock_now() + PATIENCE;
  while (vcpu_is_up(1) == 1 && clock_now() < end) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  expect(name, vcpu_is_up(1), 0);
}

_Noreturn void guest_main(void) {
  const volatile struct wide_state *state = &wide_state;
  const struct vcpu_hvm_x86_64 *given = &context.x86_64;
  struct xen_feature_info features = {0, 0};
  interrupts_init();
  on_xen();
  shared_info_map();
  map();
  expect("initialise", initialise(), 0);
  trying("bring up a 64-bit vCPU");
  expect("up", vcpu_up(1), 0);
  check("runs", yield_until(&state->stage, 1, PATIENCE), state->stage, "a vCPU that runs");
  wait_down("goes-down");
  check_equal("rax", state->rax, given->rax);
  check_equal("rbx", state->rbx, given->rbx);
  check_equal("rcx", state->rcx, given->rcx);
  check_equal("rdx", state->rdx, given->rdx);
  check_equal("rbp", state->rbp, given->rbp);
  check_equal("rsi", state->rsi, given->rsi);
  check_equal("rdi", state->rdi, given->rdi);
  check_equal("rsp", state->rsp, given->rsp);
  check_equal("rflags", state->rflags, 2);
  check_equal("cr0", state->cr0, PE_ET_PG);
  check_equal("cr3", state->cr3, given->cr3);
  check_equal("cr4", state->cr4, PAE);
  check_equal("efer", state->efer, LME | LMA);
  check_equal("selectors", state->selectors, 0);
  check_equal("version", state->version, (uint32_t)hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0));
  expect("features", (long)state->features_result, 0);
  hypercall_pointer(HYPERCALL_XEN_VERSION, XENVER_GET_FEATURES, &features);
  check_equal("features-same", state->features >> 32, features.submap);
  check_equal("stage", state->stage, 1);
  expect("up-again", vcpu_up(1), 0);
  check("goes-on", yield_until(&state->stage, 2, PATIENCE), state->stage, "a vCPU that goes on where it was");
  wait_down("goes-down-again");
  finish();
}
