/* Structures of SCHED_OP (public/sched.h). */
#pragma once
#include <stdint.h>

struct sched_poll {
  const uint32_t *ports;
  uint32_t nr_ports;
  /* Absolute system time in ns; 0 is for ever. */
  uint64_t timeout;
};

struct sched_watchdog {
  uint32_t id;
  /* Seconds. */
  uint32_t timeout;
};

_Static_assert(sizeof(struct sched_poll) == (sizeof(long) == 8 ? 24 : 16), "sched_poll");
