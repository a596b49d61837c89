#include "fifo.h"
#include "address.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"

#define LOG_SIZE 16

static volatile struct fifo_control *controls[LEGACY_MAX_VCPUS];
static volatile uint32_t *words;
static uint32_t heads[LEGACY_MAX_VCPUS][FIFO_QUEUES];
static unsigned log[LOG_SIZE];
static unsigned logged;

long fifo_operation(unsigned number, const volatile void *argument) {
  return hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, number, argument);
}

long fifo_control_at(unsigned vcpu, const volatile void *page, uint32_t offset) {
  struct evtchn_init_control init = {frame_of(page), offset, vcpu, 0, {0}};
  return fifo_operation(EVTCHNOP_INIT_CONTROL, &init);
}

long fifo_expand(unsigned long frame) {
  uint64_t argument = frame;
  return fifo_operation(EVTCHNOP_EXPAND_ARRAY, &argument);
}

long fifo_set_priority(unsigned port, uint32_t priority) {
  struct evtchn_set_priority argument = {port, priority};
  return fifo_operation(EVTCHNOP_SET_PRIORITY, &argument);
}

/* Takes the word out of its queue; the next port, or 0 at the end. */
static uint32_t unlink_word(volatile uint32_t *word) {
  uint32_t old = *word, cleared;
  do cleared = old & ~(FIFO_LINKED | FIFO_LINK_MASK);
  while (!__atomic_compare_exchange_n(word, &old, cleared, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  return old & FIFO_LINK_MASK;
}

static void deliver(unsigned port, unsigned vcpu) {
  __atomic_fetch_and(&words[port], ~FIFO_PENDING, __ATOMIC_SEQ_CST);
  events_vcpu[port] = (uint8_t)vcpu;
  if (logged < LOG_SIZE) log[logged++] = port;
  event_delivered(port);
}

/* The first event of a queue; the queue is done when it was the last. Returns whether there may be more. */
static bool take_one(unsigned vcpu, unsigned queue) {
  uint32_t *head = &heads[vcpu][queue];
  /* A head of 0 says that the queue was empty when it was looked at last. */
  if (!*head) *head = controls[vcpu]->head[queue];
  unsigned port = *head;
  if (!port) return false;
  *head = unlink_word(&words[port]);
  if ((words[port] & (FIFO_PENDING | FIFO_MASKED)) == FIFO_PENDING) deliver(port, vcpu);
  return *head != 0;
}

static void upcall(struct interrupt_frame *frame) {
  unsigned vcpu = current_vcpu();
  (void)frame;
  if (!controls[vcpu]) {
    take_events(vcpu);
    return;
  }
  upcalls_seen[vcpu]++;
  __atomic_store_n(&vcpu_info(vcpu)->upcall_pending, 0, __ATOMIC_SEQ_CST);
  uint32_t ready = __atomic_exchange_n(&controls[vcpu]->ready, 0, __ATOMIC_SEQ_CST);
  while (ready) {
    unsigned queue = (unsigned)__builtin_ctz(ready);
    if (!take_one(vcpu, queue)) ready &= ~(1u << queue);
    ready |= __atomic_exchange_n(&controls[vcpu]->ready, 0, __ATOMIC_SEQ_CST);
  }
}

void fifo_use(unsigned vcpu, volatile struct fifo_control *control, volatile uint32_t *event_words) {
  controls[vcpu] = control;
  words = event_words;
  for (unsigned queue = 0; queue < FIFO_QUEUES; queue++) heads[vcpu][queue] = 0;
  interrupt_handle(EVENT_VECTOR, upcall);
}

void fifo_unmask(volatile uint32_t *event_words, unsigned port) {
  __atomic_fetch_and(&event_words[port], ~FIFO_MASKED, __ATOMIC_SEQ_CST);
  if (event_words[port] & FIFO_PENDING) event_unmask(port);
}

void fifo_log_clear(void) {
  logged = 0;
}

unsigned fifo_log(unsigned index) {
  return index < logged ? log[index] : 0;
}
