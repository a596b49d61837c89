/* HVMOP_set_evtchn_upcall_vector: events of a vCPU as an interrupt of its local APIC, which wants an EOI. Direct guests only. */
#include "address.h"
#include "apic.h"
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "timer.h"
#include "xen-hvm.h"

#define UPCALL_VECTOR 0x71

static volatile uint32_t upcalls;
static bool acknowledge = true;

static void upcall(struct interrupt_frame *frame) {
  (void)frame;
  upcalls++;
  take_events(current_vcpu());
  if (acknowledge) apic_write(APIC_EOI, 0);
}

static long set_vector(unsigned vcpu, uint8_t vector) {
  struct xen_hvm_evtchn_upcall_vector argument = {vcpu, vector};
  return hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_SET_EVTCHN_UPCALL_VECTOR, &argument);
}

_Noreturn void guest_main(void) {
  /* No callback vector: Xen would go on using it as well. */
  events_prepare();
  apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
  expect("vector-too-low", set_vector(0, 0x0f), XEN_EINVAL);
  expect("vector-no-vcpu", set_vector(1000, UPCALL_VECTOR), XEN_ENOENT);
  expect("vector-bad-pointer", hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_SET_EVTCHN_UPCALL_VECTOR, BAD_POINTER),
         XEN_EFAULT);
  interrupt_handle(UPCALL_VECTOR, upcall);
  expect("vector", set_vector(0, UPCALL_VECTOR), 0);
  /* Xen raises it at once, in case something was pending. */
  take_interrupts();
  unsigned port = (unsigned)bind_ipi(0);
  event_clear_mask(port);
  uint32_t before = upcalls;
  expect("send", event_send(port), 0);
  take_interrupts();
  check_equal("delivered", events_seen[port], 1);
  check_equal("by-the-vector", upcalls, before + 1);

  acknowledge = false;
  event_send(port);
  take_interrupts();
  check_equal("without-eoi", events_seen[port], 2);
  event_send(port);
  take_interrupts();
  check_equal("blocked-in-service", events_seen[port], 2);
  acknowledge = true;
  apic_write(APIC_EOI, 0);
  take_interrupts();
  check_equal("after-eoi", events_seen[port], 3);

  apic_write(APIC_TPR, 0x80);
  event_send(port);
  take_interrupts();
  check_equal("held-by-tpr", events_seen[port], 3);
  apic_write(APIC_TPR, 0);
  take_interrupts();
  check_equal("tpr-lowered", events_seen[port], 4);

  trying("halt until a timer event by the vector");
  uint32_t ticks = events_seen[timer_bind(0)];
  set_singleshot_timer(clock_now() + 20 * MILLISECOND, 0);
  wait_for_interrupt();
  check_equal("wakes", events_seen[timer_port(0)], ticks + 1);
  finish();
}
