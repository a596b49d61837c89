/* Ends in a triple fault. */
#include "boot.h"
#include "console.h"
#include "cpu.h"

_Noreturn void guest_main(void) {
  print("triple-fault: now\n");
  triple_fault();
}
