/* Ending the guest, in the way of its platform. None of these returns. */
#pragma once

_Noreturn void power_off(void);
_Noreturn void reboot(void);
/* Shutdown with reason crash on Xen; a triple fault on the bare platform, which knows no crash. */
_Noreturn void crash(void);
