/*
 * Event channels of the 2-level ABI, delivered by the callback vector. The upcall clears evtchn_upcall_pending, takes
 * evtchn_pending_sel, and for each port that is pending and not masked clears its bit, counts it and calls its handler.
 * Functions that return `long` give a port or 0, or a negative error.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "shared-info.h"
#include "xen-event-channel.h"

#define EVENT_VECTOR 0xf3
#define MAX_EVENT_PORTS 4096

typedef void event_handler(unsigned port);

/* How often each port was delivered, and how often the upcall ran on each vCPU. */
extern volatile uint32_t events_seen[MAX_EVENT_PORTS];
extern volatile uint32_t upcalls_seen[LEGACY_MAX_VCPUS];
/* The vCPU that each port was delivered to last. */
extern volatile uint8_t events_vcpu[MAX_EVENT_PORTS];

/* Tables, shared_info, all ports masked. On the boot vCPU, once; leaves interrupts off. */
void events_prepare(void);
/* That, and the callback vector. */
void events_init(void);
/* HVM_PARAM_CALLBACK_IRQ with a vector. */
long set_callback_vector(uint8_t vector);
/* Runs in the upcall, with interrupts off. NULL takes it away. */
void event_handle(unsigned port, event_handler *handler);
/* Which vCPU takes a port's events; the functions that bind one say it themselves. */
void event_belongs_to(unsigned port, unsigned vcpu);
unsigned event_owner(unsigned port);
/* What the upcall does, for other ways to be called. */
void take_events(unsigned vcpu);
/* Counts the port and calls its handler, for upcalls that find events otherwise. */
void event_delivered(unsigned port);

long bind_virq(unsigned virq, unsigned vcpu);
long bind_ipi(unsigned vcpu);
long alloc_unbound(unsigned dom, unsigned remote_dom);
long bind_interdomain(unsigned remote_dom, unsigned remote_port);
long bind_vcpu(unsigned port, unsigned vcpu);
long event_send(unsigned port);
long event_close(unsigned port);
/* EVTCHNOP_unmask: the hypervisor delivers what is pending. */
long event_unmask(unsigned port);

/* These only touch the bitmaps. */
void event_mask(unsigned port);
void event_clear_mask(unsigned port);
bool event_is_masked(unsigned port);
void event_set_pending(unsigned port);
void event_clear_pending(unsigned port);
bool event_is_pending(unsigned port);
