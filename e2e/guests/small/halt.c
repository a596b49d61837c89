/* Halts with interrupts off: nothing can wake it, and it must cost no CPU time. */
#include "boot.h"
#include "console.h"
#include "cpu.h"

_Noreturn void guest_main(void) {
  print("halt: halting\n");
  halt_forever();
}
