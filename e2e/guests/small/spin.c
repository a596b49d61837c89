/* Never leaves guest mode again. */
#include "boot.h"
#include "console.h"

_Noreturn void guest_main(void) {
  print("spin: spinning\n");
  for (;;) __asm__ volatile("pause");
}
