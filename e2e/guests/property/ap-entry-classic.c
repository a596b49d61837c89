/* A vCPU of a classic guest starts in long mode, as the boot vCPU did, with the page tables that its context names. */
#include "address.h"
#include "ap-entry.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "pv-start-info.h"
#include "real-xen.h"
#include "smp.h"

#define CR0_PE_ET_PG 0x80000011
#define CR4_PAE 0x20
#define CR4_PAE_PSE_PGE 0xb0
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
  /* The hypercall page that the loader makes for Xen asks for more, which Linux 4.10 takes for given. */
  check_equal("entry-cr4", state.cr4, real_xen() ? CR4_PAE_PSE_PGE : CR4_PAE);
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
static void check_fields_refused(unsigned vcpu) {
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

/* Where the call that is being tried goes on when it faults, and on which stack; 0 while none is. */
static volatile unsigned long resume_ip, resume_sp;
static volatile bool faulted;

static void page_fault(struct interrupt_frame *frame) {
  if (!resume_ip) {
    check("page-fault", false, frame->ip, "none here");
    finish();
  }
  faulted = true;
  frame->ip = resume_ip;
  frame->sp = resume_sp;
}

static bool initialise_faults(unsigned long vcpu, const void *context) {
  const uint8_t *stub = hypercall_page + HYPERCALL_VCPU_OP * HYPERCALL_SLOT_SIZE;
  unsigned long operation = VCPUOP_INITIALISE;
  interrupt_handle(VECTOR_PAGE_FAULT, page_fault);
  faulted = false;
  __asm__ volatile("movq $1f, %0; movq %%rsp, %1; call *%2; 1: movq $0, %0"
                   : "=m"(resume_ip), "=m"(resume_sp), "+a"(stub), "+D"(operation), "+S"(vcpu), "+d"(context)
                   :
                   : "memory", "cc");
  interrupt_handle(VECTOR_PAGE_FAULT, NULL);
  return faulted;
}

/*
 * Xen since 4.9 takes another structure than these guests have. The hypercall page that the loader makes translates it, and
 * looks at nothing that no kernel sets, so that a context cannot be wrong in the ways that Xen 4.6 refused. It reads the context
 * itself: a bad pointer is a fault.
 */
void check_contexts_refused(unsigned vcpu) {
  if (real_xen()) {
    trying("initialise with a bad pointer");
    check("initialise-bad-pointer-faults", initialise_faults(vcpu, BAD_POINTER), vcpu, "a page fault");
    return;
  }
  expect("initialise-bad-pointer", hypercall_vcpu(VCPUOP_INITIALISE, vcpu, BAD_POINTER), XEN_EFAULT);
  check_fields_refused(vcpu);
}
