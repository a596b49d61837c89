#include "hypercall.h"
#include "power.h"

_Noreturn void xen_shutdown(uint32_t reason);

_Noreturn void power_off(void) {
  xen_shutdown(SHUTDOWN_POWEROFF);
}

_Noreturn void reboot(void) {
  xen_shutdown(SHUTDOWN_REBOOT);
}

_Noreturn void crash(void) {
  xen_shutdown(SHUTDOWN_CRASH);
}
