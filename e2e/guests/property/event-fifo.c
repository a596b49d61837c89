/* The FIFO event ABI: control block, event array, queues with priorities, and how masked events stay out of them. */
#include "address.h"
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "fifo.h"
#include "hypercall.h"
#include "interrupts.h"
#include "text.h"

static uint8_t control_page[PAGE_SIZE] ZEROED_PAGES;
static uint8_t array_page[PAGE_SIZE] ZEROED_PAGES;

static volatile struct fifo_control *control = (volatile struct fifo_control *)control_page;
static volatile uint32_t *words = (volatile uint32_t *)array_page;

static unsigned ports[4];
static volatile struct vcpu_info *info;

static void check_before(void) {
  expect("expand-too-early", fifo_expand(frame_of(array_page)), XEN_EOPNOTSUPP);
}

static void check_control(void) {
  struct evtchn_init_control init = {frame_of(control_page), 0, 0, 0, {0}};
  expect("control-over-the-end", fifo_control_at(0, control_page, PAGE_SIZE - 64), XEN_EINVAL);
  expect("control-not-aligned", fifo_control_at(0, control_page, 4), XEN_EINVAL);
  expect("control-no-vcpu", fifo_control_at(1000, control_page, 0), XEN_ENOENT);
  init.control_gfn = ABSENT_FRAME;
  expect("control-absent-frame", fifo_operation(EVTCHNOP_INIT_CONTROL, &init), XEN_EINVAL);
  init.control_gfn = frame_of(control_page);
  expect("control", fifo_operation(EVTCHNOP_INIT_CONTROL, &init), 0);
  check_equal("link-bits", init.link_bits, FIFO_LINK_BITS);
  expect("control-twice", fifo_control_at(0, control_page, 128), XEN_EINVAL);
}

/* Ports that were bound and pending before the change of ABI keep both. */
static void check_array(unsigned pending_before) {
  expect("expand-absent-frame", fifo_expand(ABSENT_FRAME), XEN_EINVAL);
  for (unsigned i = 0; i < PAGE_SIZE / 4; i++) words[i] = FIFO_MASKED;
  event_send(ports[1]);
  expect("expand", fifo_expand(frame_of(array_page)), 0);
  check_bits("pending-carried-over", words[pending_before], FIFO_PENDING | FIFO_LINKED, FIFO_PENDING);
  check_bits("pending-without-array", words[ports[1]], FIFO_PENDING | FIFO_LINKED, FIFO_PENDING);
  check_equal("masked-not-ready", control->ready, 0);
  words[ports[1]] &= ~FIFO_PENDING;
}

static void check_simple(unsigned port) {
  fifo_unmask(words, port);
  take_interrupts();
  events_seen[port] = 0;
  expect("send", event_send(port), 0);
  check_bits("linked", words[port], FIFO_PENDING | FIFO_LINKED | FIFO_MASKED, FIFO_PENDING | FIFO_LINKED);
  check_equal("ready", control->ready, 1u << FIFO_PRIORITY_DEFAULT);
  check_equal("head", control->head[FIFO_PRIORITY_DEFAULT], port);
  check_equal("upcall-pending", info->upcall_pending, 1);
  expect("send-again", event_send(port), 0);
  take_interrupts();
  check_equal("delivered-once", events_seen[port], 1);
  check_bits("unlinked", words[port], FIFO_PENDING | FIFO_LINKED | FIFO_BUSY | FIFO_LINK_MASK, 0);
  check_equal("not-ready", control->ready, 0);
  /* The 2-level bitmaps are out of use. */
  check_equal("no-bitmap", event_is_pending(port), false);
  check_equal("no-selector", info->pending_sel, 0);
}

static void check_masked(unsigned port) {
  uint32_t before = events_seen[port];
  words[port] |= FIFO_MASKED;
  expect("send-masked", event_send(port), 0);
  check_bits("masked-not-linked", words[port], FIFO_PENDING | FIFO_LINKED, FIFO_PENDING);
  check_equal("masked-no-upcall", info->upcall_pending, 0);
  expect("unmask", event_unmask(port), 0);
  check_bits("unmask-links", words[port], FIFO_PENDING | FIFO_LINKED | FIFO_MASKED, FIFO_PENDING | FIFO_LINKED);
  take_interrupts();
  check_equal("unmask-delivers", events_seen[port], before + 1);
  /* Masked while it is linked: the guest takes it out of the queue and leaves it pending. */
  event_send(port);
  words[port] |= FIFO_MASKED;
  take_interrupts();
  check_equal("masked-in-queue", events_seen[port], before + 1);
  check_bits("masked-in-queue-pending", words[port], FIFO_PENDING | FIFO_LINKED, FIFO_PENDING);
  expect("unmask-again", event_unmask(port), 0);
  take_interrupts();
  check_equal("unmask-again-delivers", events_seen[port], before + 2);
}

static void check_order(void) {
  for (unsigned i = 0; i < 4; i++) {
    fifo_unmask(words, ports[i]);
    events_seen[ports[i]] = 0;
  }
  take_interrupts();
  expect("priority-too-low", fifo_set_priority(ports[0], FIFO_QUEUES), XEN_EINVAL);
  expect("priority-no-port", fifo_set_priority(0x7fffffff, 1), XEN_EINVAL);
  expect("priority-low", fifo_set_priority(ports[0], 15), 0);
  expect("priority-high", fifo_set_priority(ports[3], 0), 0);
  fifo_log_clear();
  for (unsigned i = 0; i < 4; i++) event_send(ports[i]);
  check_equal("order-ready", control->ready, 1u << 15 | 1u << FIFO_PRIORITY_DEFAULT | 1);
  check_equal("order-link", words[ports[1]] & FIFO_LINK_MASK, ports[2]);
  take_interrupts();
  const unsigned expected[] = {ports[3], ports[1], ports[2], ports[0]};
  struct tally order = {0};
  for (unsigned i = 0; i < 4; i++) tally_item(&order, i, fifo_log(i), expected[i]);
  check_tally("order", &order);
}

/* A priority counts from the next time that the event is linked. */
static void check_priority_while_linked(void) {
  unsigned port = ports[1];
  event_send(port);
  expect("priority-while-linked", fifo_set_priority(port, 3), 0);
  check_equal("still-in-its-queue", control->ready, 1u << FIFO_PRIORITY_DEFAULT);
  take_interrupts();
  event_send(port);
  check_equal("then-in-the-other", control->ready, 1u << 3);
  check_equal("other-head", control->head[3], port);
  take_interrupts();
  fifo_set_priority(port, FIFO_PRIORITY_DEFAULT);
}

static void send_once_more(unsigned port) {
  if (events_seen[port] == 1) event_send(port);
}

static void check_raised_in_handler(unsigned port) {
  events_seen[port] = 0;
  event_handle(port, send_once_more);
  event_send(port);
  take_interrupts();
  take_interrupts();
  check_equal("raised-in-handler", events_seen[port], 2);
  event_handle(port, NULL);
}

static void check_many(void) {
  struct tally rounds = {0};
  for (unsigned round = 0; round < 200; round++) {
    unsigned chosen = round * 7 % 16;
    for (unsigned i = 0; i < 4; i++) {
      events_seen[ports[i]] = 0;
      if (chosen >> i & 1) event_send(ports[i]);
    }
    take_interrupts();
    for (unsigned i = 0; i < 4; i++) tally_item(&rounds, round, events_seen[ports[i]], chosen >> i & 1);
  }
  check_tally("many-rounds", &rounds);
  check_equal("many-rounds-end", control->ready, 0);
}

static void check_close(void) {
  unsigned port = ports[2];
  words[port] |= FIFO_MASKED;
  event_send(port);
  expect("close", event_close(port), 0);
  check_bits("close-not-pending", words[port], FIFO_PENDING, 0);
}

static void check_reset(void) {
  uint16_t dom = DOMID_SELF;
  for (unsigned i = 0; i < PAGE_SIZE / 4; i++) words[i] = 0;
  expect("reset", fifo_operation(EVTCHNOP_RESET, &dom), 0);
  expect("reset-no-fifo", fifo_expand(frame_of(array_page)), XEN_EOPNOTSUPP);
  fifo_use(0, NULL, NULL);
  unsigned port = (unsigned)bind_ipi(0);
  uint32_t before = events_seen[port];
  /* Closing it under the FIFO ABI did not touch the bitmaps. */
  event_clear_pending(port);
  event_clear_mask(port);
  event_send(port);
  check_equal("reset-bitmap", event_is_pending(port), true);
  take_interrupts();
  check_equal("reset-delivers", events_seen[port], before + 1);
  memset(control_page, 0, sizeof control_page);
  expect("control-again", fifo_control_at(0, control_page, 0), 0);
}

_Noreturn void guest_main(void) {
  events_init();
  info = vcpu_info(0);
  take_interrupts();
  for (unsigned i = 0; i < 4; i++) ports[i] = (unsigned)bind_ipi(0);
  check_before();
  event_send(ports[0]);
  check_control();
  fifo_use(0, control, words);
  check_array(ports[0]);
  fifo_unmask(words, ports[0]);
  check_simple(ports[1]);
  check_masked(ports[1]);
  check_order();
  check_priority_while_linked();
  check_raised_in_handler(ports[2]);
  check_many();
  check_close();
  check_reset();
  finish();
}
