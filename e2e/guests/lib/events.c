#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "verdict.h"
#include "xen-hvm.h"

volatile uint32_t events_seen[MAX_EVENT_PORTS];
volatile uint32_t upcalls_seen[LEGACY_MAX_VCPUS];
volatile uint8_t events_vcpu[MAX_EVENT_PORTS];
static event_handler *handlers[MAX_EVENT_PORTS];
static volatile uint8_t owners[MAX_EVENT_PORTS];

static long operation(unsigned number, const volatile void *argument) {
  return hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, number, argument);
}

static void set_bit(volatile unsigned long *bits, unsigned port) {
  __atomic_fetch_or(&bits[port / LONG_BITS], 1ul << port % LONG_BITS, __ATOMIC_SEQ_CST);
}

static void clear_bit(volatile unsigned long *bits, unsigned port) {
  __atomic_fetch_and(&bits[port / LONG_BITS], ~(1ul << port % LONG_BITS), __ATOMIC_SEQ_CST);
}

static bool test_bit(const volatile unsigned long *bits, unsigned port) {
  return bits[port / LONG_BITS] >> port % LONG_BITS & 1;
}

void event_delivered(unsigned port) {
  __atomic_fetch_add(&events_seen[port], 1, __ATOMIC_SEQ_CST);
  if (handlers[port]) handlers[port](port);
}

void event_belongs_to(unsigned port, unsigned vcpu) {
  if (port < MAX_EVENT_PORTS) owners[port] = (uint8_t)vcpu;
}

unsigned event_owner(unsigned port) {
  return owners[port];
}

/* Ports of other vCPUs, which take them themselves, stand in the same word. */
static void deliver(unsigned port, unsigned vcpu) {
  if (owners[port] != vcpu) return;
  clear_bit(shared_info->evtchn_pending, port);
  events_vcpu[port] = (uint8_t)vcpu;
  event_delivered(port);
}

void take_events(unsigned vcpu) {
  volatile struct vcpu_info *info = vcpu_info(vcpu);
  upcalls_seen[vcpu]++;
  __atomic_store_n(&info->upcall_pending, 0, __ATOMIC_SEQ_CST);
  unsigned long words = __atomic_exchange_n(&info->pending_sel, 0, __ATOMIC_SEQ_CST);
  for (; words; words &= words - 1) {
    unsigned word = (unsigned)__builtin_ctzl(words);
    unsigned long ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
    for (; ready; ready &= ready - 1) deliver((unsigned)(word * LONG_BITS) + (unsigned)__builtin_ctzl(ready), vcpu);
  }
}

static void upcall(struct interrupt_frame *frame) {
  (void)frame;
  take_events(current_vcpu());
}

long set_callback_vector(uint8_t vector) {
  struct xen_hvm_param callback = {DOMID_SELF, 0, HVM_PARAM_CALLBACK_IRQ, CALLBACK_VIA_VECTOR | vector};
  return hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_SET_PARAM, &callback);
}

void events_prepare(void) {
  interrupts_init();
  shared_info_map();
  for (unsigned word = 0; word < 8 * sizeof(long); word++) shared_info->evtchn_mask[word] = ~0ul;
}

void events_init(void) {
  events_prepare();
  interrupt_handle(EVENT_VECTOR, upcall);
  long result = set_callback_vector(EVENT_VECTOR);
  if (result) check_equal("callback-vector", (unsigned long)result, 0);
}

void event_handle(unsigned port, event_handler *handler) {
  handlers[port] = handler;
}

static long bound(long result, unsigned port, unsigned vcpu) {
  if (result) return result;
  event_belongs_to(port, vcpu);
  return (long)port;
}

long bind_virq(unsigned virq, unsigned vcpu) {
  struct evtchn_bind_virq bind = {virq, vcpu, 0};
  long result = operation(EVTCHNOP_BIND_VIRQ, &bind);
  return bound(result, bind.port, vcpu);
}

long bind_ipi(unsigned vcpu) {
  struct evtchn_bind_ipi bind = {vcpu, 0};
  long result = operation(EVTCHNOP_BIND_IPI, &bind);
  return bound(result, bind.port, vcpu);
}

long alloc_unbound(unsigned dom, unsigned remote_dom) {
  struct evtchn_alloc_unbound alloc = {(uint16_t)dom, (uint16_t)remote_dom, 0};
  long result = operation(EVTCHNOP_ALLOC_UNBOUND, &alloc);
  return bound(result, alloc.port, 0);
}

long bind_interdomain(unsigned remote_dom, unsigned remote_port) {
  struct evtchn_bind_interdomain bind = {(uint16_t)remote_dom, remote_port, 0};
  long result = operation(EVTCHNOP_BIND_INTERDOMAIN, &bind);
  return bound(result, bind.local_port, 0);
}

long bind_vcpu(unsigned port, unsigned vcpu) {
  struct evtchn_bind_vcpu bind = {port, vcpu};
  long result = operation(EVTCHNOP_BIND_VCPU, &bind);
  if (!result) event_belongs_to(port, vcpu);
  return result;
}

long event_send(unsigned port) {
  uint32_t argument = port;
  return operation(EVTCHNOP_SEND, &argument);
}

long event_close(unsigned port) {
  uint32_t argument = port;
  return operation(EVTCHNOP_CLOSE, &argument);
}

long event_unmask(unsigned port) {
  uint32_t argument = port;
  return operation(EVTCHNOP_UNMASK, &argument);
}

void event_mask(unsigned port) {
  set_bit(shared_info->evtchn_mask, port);
}

void event_clear_mask(unsigned port) {
  clear_bit(shared_info->evtchn_mask, port);
}

bool event_is_masked(unsigned port) {
  return test_bit(shared_info->evtchn_mask, port);
}

void event_set_pending(unsigned port) {
  set_bit(shared_info->evtchn_pending, port);
}

void event_clear_pending(unsigned port) {
  clear_bit(shared_info->evtchn_pending, port);
}

bool event_is_pending(unsigned port) {
  return test_bit(shared_info->evtchn_pending, port);
}
