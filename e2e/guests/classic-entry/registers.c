/* General, control and model-specific registers at the entry. */
#include "checks.h"
#include "cpu.h"
#include "real-xen.h"
#include "verdict.h"

#define CR0_PE_ET_PG 0x80000011
#define CR4_PAE 0x20
#define EFER_LME_LMA 0x500
#define MSR_PAT 0x277
#define PAT_RESET 0x0007040600070406ull
#define PAT_OF_XEN 0x050100070406ull

static void check_general_registers(void) {
  const struct entry_state *s = &entry_state;
  check_equal("rax", s->rax, 0);
  check_equal("rbx", s->rbx, 0);
  check_equal("rcx", s->rcx, 0);
  check_equal("rdx", s->rdx, 0);
  check_equal("rdi", s->rdi, 0);
  check_equal("rbp", s->rbp, 0);
  check_equal("r8", s->r8, 0);
  check_equal("r9", s->r9, 0);
  check_equal("r10", s->r10, 0);
  check_equal("r11", s->r11, 0);
  check_equal("r12", s->r12, 0);
  check_equal("r13", s->r13, 0);
  check_equal("r14", s->r14, 0);
  check_equal("r15", s->r15, 0);
  check_equal("rflags", s->rflags, 2);
}

static void check_control_registers(void) {
  const struct entry_state *s = &entry_state;
  check_bits("cr0-pe", s->cr0, 1u << 0, 1u << 0);
  check_bits("cr0-mp-em-ts", s->cr0, 0xe, 0);
  check_bits("cr0-et", s->cr0, 1u << 4, 1u << 4);
  check_bits("cr0-ne", s->cr0, 1u << 5, 0);
  check_bits("cr0-wp", s->cr0, 1u << 16, 0);
  check_bits("cr0-am", s->cr0, 1u << 18, 0);
  check_bits("cr0-nw-cd", s->cr0, 3u << 29, 0);
  check_bits("cr0-pg", s->cr0, 1u << 31, 1u << 31);
  check_equal("cr0", s->cr0, CR0_PE_ET_PG);
  check_bits("cr4-pae", s->cr4, CR4_PAE, CR4_PAE);
  check_equal("cr4", s->cr4, CR4_PAE);
  check_bits("cr3-flags", s->cr3, ~0x000ffffffffff000ull, 0);
  check_bits("efer-sce", s->efer, 1u << 0, 0);
  check_bits("efer-lme", s->efer, 1u << 8, 1u << 8);
  check_bits("efer-lma", s->efer, 1u << 10, 1u << 10);
  check_bits("efer-nxe", s->efer, 1u << 11, 0);
  check_equal("efer", s->efer, EFER_LME_LMA);
}

void check_registers(void) {
  check_general_registers();
  check_control_registers();
  check_equal("fs-base", entry_state.fs_base, 0);
  check_equal("gs-base", entry_state.gs_base, 0);
  check_equal("kernel-gs-base", entry_state.kernel_gs_base, 0);
  trying("read DR7");
  /* Bit 10 always reads 1. */
  check_bits("dr7", read_dr7(), ~(1ull << 10), 0);
  trying("read the PAT MSR");
  uint64_t pat = read_msr(MSR_PAT);
  /* QEMU's SVM, on which a Xen host may be emulated, does not change to the guest's: what is read is Xen's own. */
  if (real_xen() && pat == PAT_OF_XEN)
    check_equal("pat-of-xen", pat, PAT_OF_XEN);
  else
    check_equal("pat", pat, PAT_RESET);
}
