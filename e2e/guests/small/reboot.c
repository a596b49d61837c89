/* Asks for a reboot in the way of its platform; `reboot=keyboard` selects the keyboard controller on bare. */
#include "boot.h"
#include "console.h"
#include "power.h"

_Noreturn void guest_main(void) {
  print("reboot: now\n");
  reboot();
}
