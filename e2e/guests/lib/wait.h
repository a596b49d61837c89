/* Waiting for something that an event announces, with an end. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef bool wait_ready(void *context);

/*
 * From now on waiting halts until an interrupt comes; it needs events_init, and that the event's port is not masked.
 * Before, waiting yields and looks again.
 */
void wait_by_halting(void);

/* Waits until `ready(context)` holds, at most for `timeout` ns. Returns whether it does. Interrupts are as before. */
bool wait_until(wait_ready *ready, void *context, uint64_t timeout);
