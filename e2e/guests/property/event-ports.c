/* The ports of event channels: how each kind is bound, shown, moved and closed, the limit, and what is refused. */
#include "address.h"
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "text.h"

#define NO_VCPU 1000
#define NO_DOMAIN 0x7000
#define NO_PORT 0x7fffffff
/* xl's default for max_event_channels. */
#define LAST_PORT 1023

static long operation(unsigned number, const void *argument) {
  return hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, number, argument);
}

static struct evtchn_status status_of(long port) {
  struct evtchn_status status = {DOMID_SELF, (uint32_t)port, ~0u, ~0u, {.virq = 0}};
  expect("status", operation(EVTCHNOP_STATUS, &status), 0);
  return status;
}

static void check_status(const char *name, long port, uint32_t state, uint32_t vcpu) {
  struct evtchn_status status = status_of(port);
  check_equal(name, (uint64_t)status.vcpu << 32 | status.status, (uint64_t)vcpu << 32 | state);
}

static long require(const char *name, long port) {
  expect_port(name, port);
  if (port <= 0) finish();
  return port;
}

static void check_virqs(void) {
  long timer = require("virq-timer", bind_virq(VIRQ_TIMER, 0));
  long debug = require("virq-debug", bind_virq(VIRQ_DEBUG, 0));
  check_status("virq-status", debug, EVTCHNSTAT_VIRQ, 0);
  check_equal("virq-number", status_of(debug).u.virq, VIRQ_DEBUG);
  expect("virq-twice", bind_virq(VIRQ_TIMER, 0), XEN_EEXIST);
  expect("virq-too-high", bind_virq(NR_VIRQS, 0), XEN_EINVAL);
  expect("virq-negative", bind_virq(~0u, 0), XEN_EINVAL);
  expect("virq-no-vcpu", bind_virq(VIRQ_TIMER, NO_VCPU), XEN_ENOENT);
  long global = require("virq-global", bind_virq(VIRQ_CONSOLE, 0));
  expect("virq-global-other-vcpu", bind_virq(VIRQ_DOM_EXC, 1), XEN_EINVAL);
  expect("virq-global-move", bind_vcpu((unsigned)global, 0), 0);
  expect("virq-move", bind_vcpu((unsigned)timer, 0), XEN_EINVAL);
  expect("virq-send", event_send((unsigned)timer), XEN_EINVAL);
  expect("virq-close", event_close((unsigned)timer), 0);
  check_status("virq-closed", timer, EVTCHNSTAT_CLOSED, 0);
  check_equal("virq-again", (unsigned long)bind_virq(VIRQ_TIMER, 0), (unsigned long)timer);
  event_close((unsigned)timer);
  event_close((unsigned)debug);
  event_close((unsigned)global);
}

static void check_ipis(void) {
  long port = require("ipi", bind_ipi(0));
  check_status("ipi-status", port, EVTCHNSTAT_IPI, 0);
  expect("ipi-move", bind_vcpu((unsigned)port, 0), XEN_EINVAL);
  expect("ipi-no-vcpu", bind_ipi(NO_VCPU), XEN_ENOENT);
  expect("ipi-close", event_close((unsigned)port), 0);
  expect("ipi-send-closed", event_send((unsigned)port), XEN_EINVAL);
  expect("ipi-close-closed", event_close((unsigned)port), XEN_EINVAL);
}

/* What was pending on a port is forgotten when it is closed. */
static void check_close_pending(void) {
  long port = require("close-pending-ipi", bind_ipi(0));
  event_send((unsigned)port);
  check_equal("close-pending-before", event_is_pending((unsigned)port), true);
  expect("close-pending", event_close((unsigned)port), 0);
  check_equal("close-pending-after", event_is_pending((unsigned)port), false);
}

static void check_loop(const char *name, unsigned self) {
  trying(name);
  long a = require("loop-unbound", alloc_unbound(self, self));
  struct evtchn_status status = status_of(a);
  uint16_t domid = status.u.unbound_dom;
  check_equal("loop-unbound-status", status.status, EVTCHNSTAT_UNBOUND);
  check("loop-domid", domid > 0 && domid < DOMID_SELF, domid, "this domain's number");
  expect("loop-unbound-send", event_send((unsigned)a), 0);
  check_equal("loop-unbound-send-dropped", event_is_pending((unsigned)a), false);
  expect("loop-unbound-move", bind_vcpu((unsigned)a, 0), 0);
  long b = require("loop-bind", bind_interdomain(self, (unsigned)a));
  /* Something may have been sent to the unbound half. */
  check_equal("loop-bind-notifies", event_is_pending((unsigned)b), true);
  event_clear_pending((unsigned)b);
  check_status("loop-interdomain", a, EVTCHNSTAT_INTERDOMAIN, 0);
  status = status_of(a);
  check_equal("loop-remote-port", status.u.interdomain.port, (uint64_t)b);
  check_equal("loop-remote-dom", status.u.interdomain.dom, domid);
  check_equal("loop-other-remote-port", status_of(b).u.interdomain.port, (uint64_t)a);
  expect("loop-send", event_send((unsigned)a), 0);
  check_equal("loop-send-pends-there", event_is_pending((unsigned)b), true);
  check_equal("loop-send-not-here", event_is_pending((unsigned)a), false);
  expect("loop-send-back", event_send((unsigned)b), 0);
  check_equal("loop-send-back-pends", event_is_pending((unsigned)a), true);
  event_clear_pending((unsigned)a);
  expect("loop-bind-twice", bind_interdomain(self, (unsigned)a), XEN_EINVAL);
  expect("loop-move", bind_vcpu((unsigned)a, 0), 0);
  expect("loop-close", event_close((unsigned)b), 0);
  check_status("loop-closed", b, EVTCHNSTAT_CLOSED, 0);
  check_status("loop-half-closed", a, EVTCHNSTAT_UNBOUND, 0);
  expect("loop-half-send", event_send((unsigned)a), 0);
  check_equal("loop-bind-again", (unsigned long)bind_interdomain(self, (unsigned)a), (unsigned long)b);
  expect("loop-close-first", event_close((unsigned)a), 0);
  check_status("loop-other-half", b, EVTCHNSTAT_UNBOUND, 0);
  expect("loop-close-second", event_close((unsigned)b), 0);
}

static unsigned own_domid(void) {
  long port = require("domid-port", alloc_unbound(DOMID_SELF, DOMID_SELF));
  unsigned domid = status_of(port).u.unbound_dom;
  event_close((unsigned)port);
  return domid;
}

static void check_host(void) {
  long port = require("host-unbound", alloc_unbound(DOMID_SELF, 0));
  check_equal("host-unbound-dom", status_of(port).u.unbound_dom, 0);
  check_equal("host-unbound-state", status_of(port).status, EVTCHNSTAT_UNBOUND);
  expect("host-not-for-self", bind_interdomain(DOMID_SELF, (unsigned)port), XEN_EINVAL);
  expect("host-close", event_close((unsigned)port), 0);
  expect("host-alloc", alloc_unbound(0, DOMID_SELF), XEN_EPERM);
  expect("host-bind", bind_interdomain(0, NO_PORT), XEN_EINVAL);
}

static void check_refused(void) {
  struct evtchn_status status = {NO_DOMAIN, 1, 0, 0, {.virq = 0}};
  struct evtchn_bind_pirq pirq = {0xffffffff, 0, 0};
  uint16_t dom = NO_DOMAIN;
  expect("no-domain-alloc", alloc_unbound(NO_DOMAIN, DOMID_SELF), XEN_ESRCH);
  expect("no-domain-bind", bind_interdomain(NO_DOMAIN, 1), XEN_ESRCH);
  expect("no-domain-status", operation(EVTCHNOP_STATUS, &status), XEN_ESRCH);
  expect("no-domain-reset", operation(EVTCHNOP_RESET, &dom), XEN_ESRCH);
  expect("no-pirq", operation(EVTCHNOP_BIND_PIRQ, &pirq), XEN_EINVAL);
  static const unsigned ports[] = {0, NO_PORT, 0xffffffff};
  for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) {
    expect("no-port-send", event_send(ports[i]), XEN_EINVAL);
    expect("no-port-close", event_close(ports[i]), XEN_EINVAL);
    expect("no-port-move", bind_vcpu(ports[i], 0), XEN_EINVAL);
    expect("no-port-bind", bind_interdomain(DOMID_SELF, ports[i]), XEN_EINVAL);
  }
  for (unsigned i = 1; i < sizeof ports / sizeof *ports; i++) {
    status = (struct evtchn_status){DOMID_SELF, ports[i], 0, 0, {.virq = 0}};
    expect("no-port-unmask", event_unmask(ports[i]), XEN_EINVAL);
    expect("no-port-status", operation(EVTCHNOP_STATUS, &status), XEN_EINVAL);
  }
  expect("no-vcpu-move", bind_vcpu(1, NO_VCPU), XEN_ENOENT);
  expect("no-operation", operation(99, &status), XEN_ENOSYS);
  for (unsigned number = EVTCHNOP_BIND_INTERDOMAIN; number <= EVTCHNOP_SET_PRIORITY; number++)
    expect("bad-pointer", operation(number, BAD_POINTER), XEN_EFAULT);
}

static void check_limit(void) {
  static bool ours[LAST_PORT + 1];
  unsigned last = 0;
  long port;
  while ((port = bind_ipi(0)) > 0 && port <= LAST_PORT) {
    ours[port] = true;
    if ((unsigned)port > last) last = (unsigned)port;
  }
  expect("limit", port, XEN_ENOSPC);
  check_equal("last-port", last, LAST_PORT);
  uint32_t before = events_seen[last];
  event_clear_mask(last);
  expect("last-port-send", event_send(last), 0);
  take_interrupts();
  check_equal("last-port-delivers", events_seen[last], before + 1);
  expect("limit-virq", bind_virq(VIRQ_DEBUG, 0), XEN_ENOSPC);
  expect("limit-unbound", alloc_unbound(DOMID_SELF, DOMID_SELF), XEN_ENOSPC);
  struct tally closed = {0};
  for (unsigned i = 1; i <= LAST_PORT; i++)
    if (ours[i]) tally_item(&closed, i, (uint32_t)event_close(i), 0);
  check_tally("limit-close", &closed);
}

/* Last, since nothing is left afterwards, not even the ports of console and xenstore. */
static void check_reset(void) {
  uint16_t dom = DOMID_SELF;
  long port = require("reset-ipi", bind_ipi(0));
  require("reset-virq", bind_virq(VIRQ_TIMER, 0));
  expect("reset", operation(EVTCHNOP_RESET, &dom), 0);
  struct tally states = {0};
  for (long i = 1; i <= port; i++) {
    struct evtchn_status status = {DOMID_SELF, (uint32_t)i, ~0u, ~0u, {.virq = 0}};
    operation(EVTCHNOP_STATUS, &status);
    tally_item(&states, (uint64_t)i, status.status, EVTCHNSTAT_CLOSED);
  }
  check_tally("reset-closed", &states);
  check_equal("reset-first-port", (unsigned long)bind_virq(VIRQ_TIMER, 0), 1);
  long again = require("reset-ipi-again", bind_ipi(0));
  uint32_t before = events_seen[again];
  event_clear_mask((unsigned)again);
  event_send((unsigned)again);
  take_interrupts();
  check_equal("reset-delivers", events_seen[again], before + 1);
}

_Noreturn void guest_main(void) {
  events_init();
  take_interrupts();
  check_virqs();
  check_ipis();
  check_close_pending();
  check_loop("loop by DOMID_SELF", DOMID_SELF);
  check_loop("loop by number", own_domid());
  check_host();
  check_refused();
  check_limit();
  check_reset();
  finish();
}
