#include "faults.h"
#include "interrupts.h"
#include "verdict.h"

enum { VECTOR_PROTECTION = 13 };

/* Where the access that is being tried goes on when it faults; 0 while none is. */
static volatile unsigned long resume;
static volatile bool faulted;

static void protection_fault(struct interrupt_frame *frame) {
  if (!resume) {
    check("protection-fault", false, frame->ip, "none here");
    finish();
  }
  faulted = true;
  frame->ip = resume;
}

void faults_catch(void) {
  interrupt_handle(VECTOR_PROTECTION, protection_fault);
}

bool write_msr_faults(uint32_t index, uint64_t value) {
  faulted = false;
  __asm__ volatile("movl $1f, %0; wrmsr; 1:"
                   : "=m"(resume)
                   : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                   : "memory");
  resume = 0;
  return faulted;
}

bool read_msr_faults(uint32_t index) {
  uint32_t low, high;
  faulted = false;
  __asm__ volatile("movl $1f, %0; rdmsr; 1:" : "=m"(resume), "=a"(low), "=d"(high) : "c"(index) : "memory");
  resume = 0;
  return faulted;
}
