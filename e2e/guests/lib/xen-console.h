/* The PV console's ring (public/io/console.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_IN_SIZE 1024
#define CONSOLE_OUT_SIZE 2048

struct console_ring {
  uint8_t in[CONSOLE_IN_SIZE];
  uint8_t out[CONSOLE_OUT_SIZE];
  uint32_t in_cons, in_prod;
  uint32_t out_cons, out_prod;
};

_Static_assert(offsetof(struct console_ring, in_cons) == 3072, "xencons_interface.in_cons");
