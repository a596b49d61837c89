/* Segment registers: selectors as saved, hidden parts by what they do. */
#include "checks.h"
#include "cpu.h"
#include "verdict.h"

static volatile uint64_t probe;

#define CHECK_SEGMENT(segment, token)                                                             \
  do {                                                                                            \
    uint64_t read;                                                                                \
    probe = 0;                                                                                    \
    trying("write and read through " segment);                                                    \
    __asm__ volatile("movq %2, %%" segment ":%1\n\tmovq %%" segment ":%1, %0"                     \
                     : "=r"(read), "+m"(probe)                                                    \
                     : "r"((uint64_t)(token)));                                                   \
    check_equal(segment "-reads", read, token);                                                   \
    check_equal(segment "-base-zero", probe, token);                                              \
  } while (0)

void check_segments(void) {
  const struct entry_state *s = &entry_state;
  /* An instruction that decrements eax unless CS.L is set. */
  check_equal("cs-l", s->long_mode_probe, 0);
  check_equal("cs-selector", s->cs, 0);
  check_equal("ds-selector", s->ds, 0);
  check_equal("es-selector", s->es, 0);
  check_equal("ss-selector", s->ss, 0);
  check_equal("fs-selector", s->fs, 0);
  check_equal("gs-selector", s->gs, 0);
  check_equal("tr-selector", s->tr, 0);
  check_equal("ldtr-selector", s->ldtr, 0);
  check_equal("gdt-limit", s->gdt.limit, 0);
  check_equal("gdt-base", s->gdt.base, 0);
  check_equal("idt-limit", s->idt.limit, 0);
  check_equal("idt-base", s->idt.base, 0);
  CHECK_SEGMENT("ds", 0x1111);
  CHECK_SEGMENT("es", 0x2222);
  CHECK_SEGMENT("ss", 0x3333);
  CHECK_SEGMENT("fs", 0x4444);
  CHECK_SEGMENT("gs", 0x5555);
}
