/* A vCPU of a classic guest starts in long mode, as the boot vCPU did, with the page tables that its context names. */
#include "address.h"
#include "ap-entry.h"
#include "expect.h"
#include "hypercall.h"
#include "pv-start-info.h"
#include "smp.h"

#define CR0_PE_ET_PG 0x80000011
#define CR4_PAE 0x20
#define EFER_LME_LMA 0x500

static void no_main(unsigned vcpu) {
  (void)vcpu;
}

void check_entry_state(unsigned vcpu) {
  struct ap_state state = ap_states[vcpu];
  const struct ap_registers *r = &state.registers;
  check_equal("entered", state.entered, true);
  check_equal("entry-long-mode", state.long_mode, true);
  check_equal("entry-cr0", state.cr0, CR0_PE_ET_PG);
  check_equal("entry-cr3", state.cr3, start_info->pt_base - PHYSICAL_OFFSET);
  check_equal("entry-cr4", state.cr4, CR4_PAE);
  check_equal("entry-efer", state.efer, EFER_LME_LMA);
  check_equal("entry-selectors", state.cs | state.ds | state.es | state.ss | state.fs | state.gs, 0);
  check_equal("entry-flags", r->flags, 2);
  check_equal("entry-sp", state.sp, vcpu_stack_top(vcpu));
  check_equal("entry-di", r->di, vcpu);
  check_equal("entry-si", r->si, 1);
  check_equal("entry-registers",
              r->ax | r->bx | r->cx | r->dx | r->bp | r->r8 | r->r9 | r->r10 | r->r11 | r->r12 | r->r13 | r->r14 | r->r15, 0);
}

/* arch_set_info_guest of Xen 4.6: nothing that Xen sets itself may be given. */
void check_contexts_refused(unsigned vcpu) {
  struct vcpu_guest_context *context = vcpu_context_for(vcpu, no_main);
  struct {
    const char *name;
    uint64_t *field;
  } fields[] = {
      {"context-cr0", &context->ctrlreg[0]},
      {"context-cr4", &context->ctrlreg[4]},
      {"context-cr7", &context->ctrlreg[7]},
      {"context-ldt-base", &context->ldt_base},
      {"context-ldt-ents", &context->ldt_ents},
      {"context-cs", &context->user_regs.cs},
      {"context-ss", &context->user_regs.ss},
      {"context-es", &context->user_regs.es},
      {"context-ds", &context->user_regs.ds},
      {"context-fs", &context->user_regs.fs},
      {"context-gs", &context->user_regs.gs},
      {"context-kernel-ss", &context->kernel_ss},
      {"context-kernel-sp", &context->kernel_sp},
      {"context-gdt-ents", &context->gdt_ents},
      {"context-fs-base", &context->fs_base},
      {"context-gs-base-kernel", &context->gs_base_kernel},
      {"context-gs-base-user", &context->gs_base_user},
  };
  for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
    *fields[i].field = 8;
    expect(fields[i].name, hypercall_vcpu(VCPUOP_INITIALISE, vcpu, context), XEN_EINVAL);
    *fields[i].field = 0;
  }
}
