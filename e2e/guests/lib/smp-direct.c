#include "smp.h"

#define CR0_PE 1
#define FLAGS_RESERVED 2
/* Present, accessed, 32-bit, in pages. */
#define CODE_ATTRIBUTES 0xc9b
#define DATA_ATTRIBUTES 0xc93
#define BUSY_TSS_ATTRIBUTES 0x8b

void ap_entry(void);
void vcpu_context_fill(vcpu_context *context, unsigned vcpu);

/* As the boot vCPU enters: 32-bit protected mode without paging, flat segments. */
void vcpu_context_fill(vcpu_context *context, unsigned vcpu) {
  struct vcpu_hvm_x86_32 *regs = &context->x86_32;
  context->mode = VCPU_HVM_MODE_32B;
  regs->edi = vcpu;
  regs->esi = 1;
  regs->eip = (uint32_t)ap_entry;
  regs->esp = (uint32_t)vcpu_stack_top(vcpu);
  regs->eflags = FLAGS_RESERVED;
  regs->cr0 = CR0_PE;
  regs->cs_limit = regs->ds_limit = regs->ss_limit = regs->es_limit = 0xffffffff;
  regs->cs_ar = CODE_ATTRIBUTES;
  regs->ds_ar = regs->ss_ar = regs->es_ar = DATA_ATTRIBUTES;
  regs->tr_limit = 0x67;
  regs->tr_ar = BUSY_TSS_ATTRIBUTES;
}
