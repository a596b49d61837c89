/* Taking events of the FIFO ABI, in place of the upcall of lib/events.h. */
#pragma once
#include <stdint.h>
#include "xen-event-channel.h"

long fifo_operation(unsigned number, const volatile void *argument);
/* EVTCHNOP_init_control of a vCPU, in a page of this guest. */
long fifo_control_at(unsigned vcpu, const volatile void *page, uint32_t offset);
long fifo_expand(unsigned long frame);
long fifo_set_priority(unsigned port, uint32_t priority);

/* From now on the vCPU's upcall takes its events from these; with NULL from the bitmaps again. */
void fifo_use(unsigned vcpu, volatile struct fifo_control *control, volatile uint32_t *words);
/* Clears the mask, with the hypercall when the event is pending. */
void fifo_unmask(volatile uint32_t *words, unsigned port);

/* The ports that were delivered, in order, since the log was cleared. */
void fifo_log_clear(void);
unsigned fifo_log(unsigned index);
