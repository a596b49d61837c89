/* The timers of VCPUOP for the vCPU that calls, and sleeping until one goes off. Needs events_init. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "clock.h"
#include "xen-vcpu.h"

/* Binds VIRQ_TIMER of a vCPU, once for each, and unmasks it. Returns its port. */
unsigned timer_bind(unsigned vcpu);
unsigned timer_port(unsigned vcpu);
/* How often the timer event of a vCPU was delivered. */
uint32_t timer_ticks(unsigned vcpu);

long set_singleshot_timer(uint64_t deadline, uint32_t flags);
long stop_singleshot_timer(void);
long set_periodic_timer(uint64_t period);
long stop_periodic_timer(void);

/* Halts until the time is reached, with interrupts on; binds the timer of the vCPU if need be. */
void sleep_until(uint64_t deadline);
void sleep_for(uint64_t nanoseconds);

/* Halts until `*counter` is at least `count`, at most for `timeout` ns. Returns whether it is. Interrupts off before and after. */
bool wait_for_count(const volatile uint32_t *counter, uint32_t count, uint64_t timeout);
