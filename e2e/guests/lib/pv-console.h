/* The PV console over its ring. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-console.h"

extern volatile struct console_ring *console_ring;
extern unsigned console_port;

/* Finds ring and port; false when the guest has none. Afterwards events of the port are not masked. */
bool pv_console_init(void);
/* Puts what has room into the ring, at most `length` bytes, and tells the host. Returns how many that were. */
uint32_t pv_console_put(const void *bytes, uint32_t length);
/* Writes all, in chunks of at most `chunk` bytes. False when the host takes nothing for `timeout` ns. */
bool pv_console_write(const void *bytes, uint32_t length, uint32_t chunk, uint64_t timeout);
/* Takes what is there, at most `room` bytes. */
uint32_t pv_console_take(void *to, uint32_t room);
/* Waits for input. */
bool pv_console_wait(uint64_t timeout);
void pv_console_print(const char *text);
