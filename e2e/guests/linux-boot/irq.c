/* Event channels, as drivers/xen/events sets them up: FIFO when Xen has it, else the bitmaps. */
#include "boot.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "linux.h"
#include "text.h"
#include "verdict.h"
#include "../property/fifo.h"

#define CALLBACK_VECTOR 0xf3
#define PHYSDEVOP_PIRQ_EOI_GMFN_V2 28

static uint8_t control_pages[NR_CPUS][PAGE_SIZE] ZEROED_PAGES;
static volatile uint32_t event_words[PAGE_SIZE / 4] ZEROED_PAGES;
static bool fifo, array_expanded;

/* HYPERVISOR_event_channel_op tries the old hypercall when there is no new one. */
static long event_channel_op(unsigned number, const volatile void *argument) {
  long result = hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, number, argument);
  if (result != XEN_ENOSYS) return result;
  struct {
    uint32_t number;
    uint8_t argument[24];
  } compat = {number, {0}};
  memcpy(compat.argument, (const void *)argument, sizeof compat.argument);
  return hypercall(HYPERCALL_EVENT_CHANNEL_OP_COMPAT, (unsigned long)&compat, 0, 0);
}

static void init_control(unsigned cpu) {
  struct evtchn_init_control init = {frame_of(control_pages[cpu]), 0, cpu, 0, {0}};
  long result = event_channel_op(EVTCHNOP_INIT_CONTROL, &init);
  if (cpu) bug_on("fifo-cpu", result != 0, result);
  if (!cpu) tolerates("init-control", result, 0, XEN_ENOSYS);
  if (!cpu) fifo = result == 0;
}

static void upcall(struct interrupt_frame *frame) {
  (void)frame;
  take_events(current_vcpu());
}

void init_IRQ(void) {
  bool wanted = !option_is(boot()->cmdline, "fifo_events", "0");
  if (wanted) init_control(0);
  for (unsigned cpu = 1; fifo && cpu < cpus; cpu++) init_control(cpu);
  /* xen_evtchn_2l_ops needs nothing; all ports are masked. */
  for (unsigned word = 0; word < 64; word++) shared_info->evtchn_mask[word] = ~0ul;
  for (unsigned i = 0; i < PAGE_SIZE / 4; i++) event_words[i] = FIFO_MASKED;
  long result = set_callback_vector(CALLBACK_VECTOR);
  bug_on("callback-vector", result != 0, result);
  interrupt_handle(CALLBACK_VECTOR, upcall);
  for (unsigned cpu = 0; fifo && cpu < cpus; cpu++)
    fifo_use(cpu, (volatile struct fifo_control *)control_pages[cpu], event_words);

  uint64_t eoi_page = frame_of(percpu[0].page);
  result = hypercall_pointer(HYPERCALL_PHYSDEV_OP, PHYSDEVOP_PIRQ_EOI_GMFN_V2, &eoi_page);
  check("pirq-eoi", result < 0, (uint32_t)result, "an error");
  struct {
    uint32_t number;
    uint64_t argument[3];
  } compat = {PHYSDEVOP_PIRQ_EOI_GMFN_V2, {eoi_page}};
  result = hypercall(HYPERCALL_PHYSDEV_OP_COMPAT, (unsigned long)&compat, 0, 0);
  check_equal("pirq-eoi-compat", (uint32_t)result, (uint32_t)XEN_ENOSYS);
}

/* evtchn_fifo_setup: an array page when the first port needs one. */
static void setup_port(unsigned port, unsigned cpu) {
  event_belongs_to(port, cpu);
  if (!fifo || array_expanded) return;
  array_expanded = true;
  uint64_t frame = frame_of(event_words);
  long result = event_channel_op(EVTCHNOP_EXPAND_ARRAY, &frame);
  bug_on("expand-array", result != 0, result);
}

/* evtchn_2l_unmask without a hypercall where it can: it sets upcall_pending itself. */
static void unmask_2l(unsigned port) {
  if (event_owner(port) != current_vcpu()) {
    event_unmask(port);
    return;
  }
  event_clear_mask(port);
  if (!event_is_pending(port)) return;
  volatile struct vcpu_info *info = vcpu_info(current_vcpu());
  unsigned long bit = 1ul << port / LONG_BITS;
  if (!(__atomic_fetch_or(&info->pending_sel, bit, __ATOMIC_SEQ_CST) & bit)) info->upcall_pending = 1;
}

void unmask_port(unsigned port) {
  if (fifo)
    fifo_unmask(event_words, port);
  else
    unmask_2l(port);
}

unsigned bind_virq_to_cpu(unsigned virq, unsigned cpu) {
  struct evtchn_bind_virq bind = {virq, cpu, 0};
  long result = event_channel_op(EVTCHNOP_BIND_VIRQ, &bind);
  bug_on("bind-virq", result != 0 || !bind.port, result);
  setup_port(bind.port, cpu);
  struct evtchn_set_priority priority = {bind.port, 0};
  if (virq == VIRQ_TIMER) tolerates("set-priority", event_channel_op(EVTCHNOP_SET_PRIORITY, &priority), 0, XEN_ENOSYS);
  return bind.port;
}

unsigned bind_ipi_to_cpu(unsigned cpu) {
  struct evtchn_bind_ipi bind = {cpu, 0};
  long result = event_channel_op(EVTCHNOP_BIND_IPI, &bind);
  bug_on("bind-ipi", result != 0 || !bind.port, result);
  setup_port(bind.port, cpu);
  return bind.port;
}

void bind_evtchn_to_cpu(unsigned port, unsigned cpu) {
  struct evtchn_bind_vcpu bind = {port, cpu};
  long result = event_channel_op(EVTCHNOP_BIND_VCPU, &bind);
  check_equal("bind-vcpu", (uint32_t)result, 0);
  setup_port(port, cpu);
}
