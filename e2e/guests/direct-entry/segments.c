/* Segments by what they do; the interface leaves the selectors open. */
#include "checks.h"
#include "verdict.h"

/* The last aligned word below 4 GiB: reachable only with a limit of 4 GiB and no base. No device is there. */
#define TOP_WORD 0xfffffffc

static volatile uint32_t probe;

#define CHECK_SEGMENT(segment, token)                                                             \
  do {                                                                                            \
    uint32_t read;                                                                                \
    probe = 0;                                                                                    \
    trying("write and read through " segment);                                                    \
    __asm__ volatile("movl %2, %%" segment ":%1\n\tmovl %%" segment ":%1, %0"                     \
                     : "=r"(read), "+m"(probe)                                                    \
                     : "r"(token));                                                               \
    check_equal(segment "-reads", read, token);                                                   \
    check_equal(segment "-base-zero", probe, token);                                              \
    trying("read below 4 GiB through " segment);                                                  \
    __asm__ volatile("movl %%" segment ":(%1), %0" : "=r"(read) : "r"(TOP_WORD));                 \
    check_equal(segment "-limit-4gib", read, 0xffffffff);                                         \
  } while (0)

void check_segments(void) {
  uint32_t read;
  /* An instruction that decrements eax in 32-bit code only. */
  check_equal("cs-32-bit", entry_state.protected_mode_probe, 0xffffffff);
  probe = 0x7777;
  trying("read through cs");
  __asm__ volatile("movl %%cs:%1, %0" : "=r"(read) : "m"(probe));
  check_equal("cs-readable-base-zero", read, 0x7777);
  trying("read below 4 GiB through cs");
  __asm__ volatile("movl %%cs:(%1), %0" : "=r"(read) : "r"(TOP_WORD));
  check_equal("cs-limit-4gib", read, 0xffffffff);
  CHECK_SEGMENT("ds", 0x1111u);
  CHECK_SEGMENT("es", 0x2222u);
  CHECK_SEGMENT("ss", 0x3333u);
}
