/* A vCPU of a direct guest starts as its context says: here as the boot vCPU did, in 32-bit mode without paging. */
#include "ap-entry.h"
#include "address.h"
#include "expect.h"
#include "hypercall.h"
#include "smp.h"

#define CR0_PE 1
#define CR0_ET 0x10
#define CR0_PG 0x80000000
#define CR4_RESERVED 0x80000000

static void no_main(unsigned vcpu) {
  (void)vcpu;
}

void check_entry_state(unsigned vcpu) {
  struct ap_state state = ap_states[vcpu];
  const struct ap_registers *r = &state.registers;
  check_equal("entered", state.entered, true);
  check_equal("entry-long-mode", state.long_mode, false);
  check_bits("entry-cr0", state.cr0, ~CR0_ET, CR0_PE);
  check_equal("entry-cr4", state.cr4, 0);
  check_equal("entry-efer", state.efer, 0);
  check_equal("entry-flags", r->flags, 2);
  check_equal("entry-sp", state.sp, vcpu_stack_top(vcpu));
  check_equal("entry-di", r->di, vcpu);
  check_equal("entry-si", r->si, 1);
  check_equal("entry-registers", r->ax | r->bx | r->cx | r->dx | r->bp, 0);
}

static void refused(const char *name, unsigned vcpu, const struct vcpu_hvm_context *context) {
  expect(name, hypercall_vcpu(VCPUOP_INITIALISE, vcpu, context), XEN_EINVAL);
}

/* One field at a time, from a context that would be accepted. */
#define REFUSE(name, field, value)                       \
  do {                                                   \
    context = vcpu_context_for(vcpu, no_main);           \
    context->field = value;                              \
    refused(name, vcpu, context);                        \
  } while (0)

static void check_32_bit(unsigned vcpu) {
  struct vcpu_hvm_context *context;
  REFUSE("context-mode", mode, 2);
  REFUSE("context-pad", pad, 1);
  REFUSE("context-pad1", x86_32.pad1, 1);
  REFUSE("context-pad2", x86_32.pad2[2], 1);
  REFUSE("context-cs-reserved-bits", x86_32.cs_ar, 0x1c9b);
  REFUSE("context-cs-null", x86_32.cs_ar, 0);
  REFUSE("context-ss-null", x86_32.ss_ar, 0);
  REFUSE("context-tr-null", x86_32.tr_ar, 0);
  REFUSE("context-cs-data", x86_32.cs_ar, 0xc93);
  REFUSE("context-cs-system", x86_32.cs_ar, 0xc8b);
  REFUSE("context-cs-absent", x86_32.cs_ar, 0xc1b);
  REFUSE("context-ss-code", x86_32.ss_ar, 0xc9b);
  REFUSE("context-ss-read-only", x86_32.ss_ar, 0xc91);
  REFUSE("context-ds-not-readable", x86_32.ds_ar, 0xc99);
  REFUSE("context-tr-data", x86_32.tr_ar, 0x93);
  REFUSE("context-tr-ldt", x86_32.tr_ar, 0x82);
  REFUSE("context-ss-dpl", x86_32.ss_ar, 0xcf3);
  REFUSE("context-ds-dpl", x86_32.ds_ar, 0xcf3);
  REFUSE("context-cr4", x86_32.cr4, CR4_RESERVED);
  REFUSE("context-efer-lma", x86_32.efer, 0x400);
  context = vcpu_context_for(vcpu, no_main);
  context->x86_32.cs_limit = 0xff;
  context->x86_32.cs_ar = 0x49b;
  refused("context-eip-outside", vcpu, context);
}

static void wide(struct vcpu_hvm_context *context) {
  static const struct vcpu_hvm_context empty;
  *context = empty;
  context->mode = VCPU_HVM_MODE_64B;
  context->x86_64.rip = 0x100000;
  context->x86_64.rflags = 2;
  context->x86_64.cr0 = CR0_PG | CR0_PE;
  context->x86_64.cr4 = 0x20;
  context->x86_64.efer = 0x100;
}

#define REFUSE_WIDE(name, field, value)  \
  do {                                   \
    wide(&context);                      \
    context.x86_64.field = value;        \
    refused(name, vcpu, &context);       \
  } while (0)

static void check_64_bit(unsigned vcpu) {
  struct vcpu_hvm_context context;
  REFUSE_WIDE("context-rip-not-canonical", rip, 1ull << 63);
  REFUSE_WIDE("context-no-paging", cr0, CR0_PE);
  REFUSE_WIDE("context-no-pae", cr4, 0);
  REFUSE_WIDE("context-no-lme", efer, 0);
  REFUSE_WIDE("context-wide-cr4", cr4, 0x20 | CR4_RESERVED);
}

void check_contexts_refused(unsigned vcpu) {
  expect("initialise-bad-pointer", hypercall_vcpu(VCPUOP_INITIALISE, vcpu, BAD_POINTER), XEN_EFAULT);
  check_32_bit(vcpu);
  check_64_bit(vcpu);
}
