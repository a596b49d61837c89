#include "pv-start-info.h"
#include "smp.h"
#include "address.h"

void ap_entry(void);
void vcpu_context_fill(vcpu_context *context, unsigned vcpu);

/* As Linux does: instruction and stack pointer, two arguments and CR3. Xen refuses most of the rest unless it is zero. */
void vcpu_context_fill(vcpu_context *context, unsigned vcpu) {
  context->user_regs.rip = (unsigned long)ap_entry;
  context->user_regs.rsp = vcpu_stack_top(vcpu);
  context->user_regs.rdi = vcpu;
  context->user_regs.rsi = 1;
  context->ctrlreg[3] = start_info->pt_base - PHYSICAL_OFFSET;
}
