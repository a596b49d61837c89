#include "acpi.h"
#include "boot.h"
#include "console.h"
#include "hypercall.h"
#include "power.h"
#include "text.h"

_Noreturn void xen_shutdown(uint32_t reason);

_Noreturn void power_off(void) {
  if (on_xen()) xen_shutdown(SHUTDOWN_POWEROFF);
  struct acpi_sleep sleep;
  if (acpi_find_s5(&sleep)) out16(sleep.control_port, (uint16_t)(sleep.type << 10 | 1 << 13));
  print("no ACPI power off\n");
  triple_fault();
}

_Noreturn void reboot(void) {
  if (on_xen()) xen_shutdown(SHUTDOWN_REBOOT);
  if (option_is(boot()->cmdline, "reboot", "keyboard"))
    out8(0x64, 0xfe);
  else
    out8(0xcf9, 6);
  print("reset port did nothing\n");
  halt_forever();
}

_Noreturn void crash(void) {
  if (on_xen()) xen_shutdown(SHUTDOWN_CRASH);
  triple_fault();
}
