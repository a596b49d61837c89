/* EVENT_CHANNEL_OP (public/event_channel.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  EVTCHNOP_BIND_INTERDOMAIN = 0,
  EVTCHNOP_BIND_VIRQ = 1,
  EVTCHNOP_BIND_PIRQ = 2,
  EVTCHNOP_CLOSE = 3,
  EVTCHNOP_SEND = 4,
  EVTCHNOP_STATUS = 5,
  EVTCHNOP_ALLOC_UNBOUND = 6,
  EVTCHNOP_BIND_IPI = 7,
  EVTCHNOP_BIND_VCPU = 8,
  EVTCHNOP_UNMASK = 9,
  EVTCHNOP_RESET = 10,
  EVTCHNOP_INIT_CONTROL = 11,
  EVTCHNOP_EXPAND_ARRAY = 12,
  EVTCHNOP_SET_PRIORITY = 13,
};

enum {
  EVTCHNSTAT_CLOSED = 0,
  EVTCHNSTAT_UNBOUND = 1,
  EVTCHNSTAT_INTERDOMAIN = 2,
  EVTCHNSTAT_PIRQ = 3,
  EVTCHNSTAT_VIRQ = 4,
  EVTCHNSTAT_IPI = 5,
};

enum { VIRQ_TIMER = 0, VIRQ_DEBUG = 1, VIRQ_CONSOLE = 2, VIRQ_DOM_EXC = 3, VIRQ_XENOPROF = 7, VIRQ_XENPMU = 13, NR_VIRQS = 24 };

struct evtchn_alloc_unbound {
  uint16_t dom;
  uint16_t remote_dom;
  uint32_t port;
};

struct evtchn_bind_interdomain {
  uint16_t remote_dom;
  uint32_t remote_port;
  uint32_t local_port;
};

struct evtchn_bind_virq {
  uint32_t virq;
  uint32_t vcpu;
  uint32_t port;
};

struct evtchn_bind_pirq {
  uint32_t pirq;
  uint32_t flags;
  uint32_t port;
};

struct evtchn_bind_ipi {
  uint32_t vcpu;
  uint32_t port;
};

struct evtchn_status {
  uint16_t dom;
  uint32_t port;
  uint32_t status;
  uint32_t vcpu;
  union {
    uint16_t unbound_dom;
    struct {
      uint16_t dom;
      uint32_t port;
    } interdomain;
    uint32_t virq;
  } u;
};

struct evtchn_bind_vcpu {
  uint32_t port;
  uint32_t vcpu;
};

struct evtchn_init_control {
  uint64_t control_gfn;
  uint32_t offset;
  uint32_t vcpu;
  uint8_t link_bits;
  uint8_t pad[7];
};

struct evtchn_set_priority {
  uint32_t port;
  uint32_t priority;
};

/* EVTCHNOP_expand_array takes one uint64_t, close, send and unmask one uint32_t, reset one uint16_t. */

_Static_assert(sizeof(struct evtchn_status) == 24, "evtchn_status");
_Static_assert(sizeof(struct evtchn_bind_interdomain) == 12, "evtchn_bind_interdomain");
_Static_assert(sizeof(struct evtchn_init_control) == 24, "evtchn_init_control");

#define FIFO_PENDING (1u << 31)
#define FIFO_MASKED (1u << 30)
#define FIFO_LINKED (1u << 29)
#define FIFO_BUSY (1u << 28)
#define FIFO_LINK_BITS 17
#define FIFO_LINK_MASK ((1u << FIFO_LINK_BITS) - 1)
#define FIFO_QUEUES 16
#define FIFO_PRIORITY_DEFAULT 7

struct fifo_control {
  uint32_t ready;
  uint32_t reserved;
  uint32_t head[FIFO_QUEUES];
};
