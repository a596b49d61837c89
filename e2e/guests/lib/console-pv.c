/* Text into the PV console's ring. On its own, so that a guest of a few lines needs no other part of the Xen platform. */
#include "address.h"
#include "boot.h"
#include "console.h"
#include "hypercall.h"
#include "xen-console.h"
#include "xen-event-channel.h"
#include "xen-hvm.h"
#ifdef __x86_64__
#include "pv-start-info.h"
#endif

static volatile struct console_ring *ring;
static uint32_t port;

#ifdef __x86_64__
static unsigned long find(void) {
  port = start_info->console_evtchn;
  return start_info->console_mfn;
}
#else
static uint64_t param(uint32_t index) {
  struct xen_hvm_param argument = {DOMID_SELF, 0, index, 0};
  return hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, &argument) ? 0 : argument.value;
}

/* Asking whether this is Xen installs the hypercall page. */
static unsigned long find(void) {
  if (!on_xen()) return 0;
  port = (uint32_t)param(HVM_PARAM_CONSOLE_EVTCHN);
  return (unsigned long)param(HVM_PARAM_CONSOLE_PFN);
}
#endif

static void notify(void) {
  uint32_t argument = port;
  hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_SEND, &argument);
}

static bool is_full(void) {
  return ring->out_prod - __atomic_load_n(&ring->out_cons, __ATOMIC_SEQ_CST) >= CONSOLE_OUT_SIZE;
}

/* The host is told of whole lines; a guest that ends in the middle of one loses it. */
void put_char(char c) {
  if (!ring) ring = frame_pointer(find());
  if (!port) return;
  if (is_full()) notify();
  while (is_full()) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  uint32_t prod = ring->out_prod;
  ring->out[prod % CONSOLE_OUT_SIZE] = (uint8_t)c;
  __atomic_store_n(&ring->out_prod, prod + 1, __ATOMIC_SEQ_CST);
  if (c == '\n') notify();
}
