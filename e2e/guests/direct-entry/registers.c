/* Registers that the interface fixes; it leaves all others open. */
#include "checks.h"
#include "cpu.h"
#include "verdict.h"

#define CR0_PE_ET 0x11
#define EFLAGS_TF (1u << 8)
#define EFLAGS_IF (1u << 9)
#define EFLAGS_VM (1u << 17)

void check_registers(void) {
  const struct entry_state *s = &entry_state;
  check_bits("cr0-pe", s->cr0, 1u << 0, 1u << 0);
  check_bits("cr0-mp-em-ts", s->cr0, 0xe, 0);
  check_bits("cr0-ne-wp-am", s->cr0, 1u << 5 | 1u << 16 | 1u << 18, 0);
  check_bits("cr0-nw-cd", s->cr0, 3u << 29, 0);
  check_bits("cr0-pg", s->cr0, 1u << 31, 0);
  check_equal("cr0", s->cr0, CR0_PE_ET);
  check_equal("cr4", s->cr4, 0);
  check_equal("efer", s->efer, 0);
  check_bits("eflags-vm", s->eflags, EFLAGS_VM, 0);
  check_bits("eflags-if", s->eflags, EFLAGS_IF, 0);
  check_bits("eflags-tf", s->eflags, EFLAGS_TF, 0);
  trying("read DR7");
  check_bits("dr7-no-breakpoints", read_dr7(), 0xff, 0);
}
