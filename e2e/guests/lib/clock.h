/* Xen's system time in ns, from the clock that the hypervisor keeps in each vcpu_info, and the wall clock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "shared-info.h"

#define MILLISECOND 1000000ull
#define SECOND 1000000000ull

/* A copy of one version of the clock; false when none is there yet, or it never was whole. */
bool clock_snapshot(const volatile struct vcpu_time *clock, struct vcpu_time *copy);
/* The time at a TSC value. */
uint64_t clock_at(const struct vcpu_time *clock, uint64_t tsc);
/* The time now by this clock; 0 when there is none. */
uint64_t clock_read(const volatile struct vcpu_time *clock);
/* The time now, by the clock of vCPU 0. */
uint64_t clock_now(void);
/* Spins, with the TSC and without hypercalls. */
void clock_spin(uint64_t nanoseconds);

struct wall_clock {
  uint64_t seconds;
  uint32_t nanoseconds;
};

/* The real time at system time 0. */
struct wall_clock wall_clock_base(void);
