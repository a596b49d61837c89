/* Jumps to guest-physical memory where nothing is: no hypervisor can fetch an instruction from there. */
#include "absent.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"

_Noreturn void guest_main(void) {
  void (*nowhere)(void) = (void (*)(void))map_absent();
  print("bad-instruction: now\n");
  nowhere();
  print("bad-instruction: came back\n");
  halt_forever();
}
