/*
 * What every guest gets, however it was entered. `guest_main` runs on the guest's own stack, with the entry state
 * saved; it calls `boot()` when it is ready to trust what the loader handed over.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct boot {
  const char *cmdline;
  const void *module;
  uint64_t module_size;
  /* Bytes of RAM that the loader declares. */
  uint64_t memory;
};

_Noreturn void guest_main(void);

const struct boot *boot(void);

/* Whether the CPUID leaves say Xen; a guest with the classic interface is always on Xen. */
bool on_xen(void);
