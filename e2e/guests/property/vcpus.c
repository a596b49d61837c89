/*
 * Other vCPUs, as many as VCPUOP_is_up counts: how they enter, IPIs both ways, their own clocks and timers, going down and up
 * again, NMIs and polling. Only the boot vCPU prints; the others leave what they found in memory.
 */
#include "ap-entry.h"
#include "address.h"
#include "boot.h"
#include "cpu.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "smp.h"
#include "text.h"
#include "timer.h"
#include "xen-sched.h"

#define PATIENCE (30 * SECOND)
#define NAPS 10

enum task { TASK_IDLE, TASK_ECHO, TASK_NAP, TASK_SPIN, TASK_POLL, TASK_DOWN, TASK_RETURN };

/* What a vCPU is to do, and what it did. */
static struct {
  volatile uint32_t task;
  volatile uint32_t begun;
  volatile uint32_t finished;
  volatile uint32_t came_up;
  volatile uint32_t early_naps;
  volatile uint32_t nmis;
  volatile uint64_t clock;
  volatile long result;
  /* Ports: from the boot vCPU to this one, back, and one that only says that there is a task. */
  unsigned to, from, kick;
} work[LEGACY_MAX_VCPUS];

static struct vcpu_info infos[LEGACY_MAX_VCPUS] __attribute__((aligned(PAGE_SIZE)));
static volatile uint32_t boot_nmis;
static unsigned count;

static void nmi(struct interrupt_frame *frame) {
  (void)frame;
  if (current_vcpu())
    work[current_vcpu()].nmis++;
  else
    boot_nmis++;
}

static void nap(unsigned vcpu) {
  for (unsigned i = 0; i < NAPS; i++) {
    uint32_t ticks = timer_ticks(vcpu);
    uint64_t deadline = clock_read(&vcpu_info(vcpu)->time) + 3 * MILLISECOND;
    set_singleshot_timer(deadline, 0);
    while (timer_ticks(vcpu) == ticks) wait_for_interrupt();
    if (clock_read(&vcpu_info(vcpu)->time) + MILLISECOND < deadline) work[vcpu].early_naps++;
  }
}

/* Answers each event of the boot vCPU with one for it, until there is another task. */
static void echo(unsigned vcpu) {
  uint32_t answered = events_seen[work[vcpu].to];
  while (work[vcpu].task == TASK_ECHO) {
    wait_for_interrupt();
    for (; answered < events_seen[work[vcpu].to]; answered++) event_send(work[vcpu].from);
  }
}

static void spin(unsigned vcpu) {
  interrupts_on();
  while (work[vcpu].task == TASK_SPIN) relax();
  interrupts_off();
}

static void poll(unsigned vcpu) {
  const uint32_t port = work[vcpu].to;
  const struct sched_poll argument = {&port, 1, 0};
  event_mask(port);
  /* Other events may end a poll as well. */
  do work[vcpu].result = hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, &argument);
  while (!work[vcpu].result && !event_is_pending(port));
  event_clear_pending(port);
  event_unmask(port);
}

static void other_vcpu(unsigned vcpu) {
  work[vcpu].clock = clock_read(&vcpu_info(vcpu)->time);
  work[vcpu].came_up++;
  for (;;) {
    uint32_t task = work[vcpu].task;
    if (task != TASK_IDLE) work[vcpu].begun++;
    if (task == TASK_ECHO) echo(vcpu);
    if (task == TASK_NAP) nap(vcpu);
    if (task == TASK_SPIN) spin(vcpu);
    if (task == TASK_POLL) poll(vcpu);
    if (task == TASK_DOWN) vcpu_down();
    if (task == TASK_RETURN) return;
    if (task == TASK_IDLE) {
      wait_for_interrupt();
      continue;
    }
    if (work[vcpu].task == task) work[vcpu].task = TASK_IDLE;
    work[vcpu].finished++;
  }
}

/* Comes back when the vCPU has begun: one that is still idle could take what is meant for the task. */
static void give(unsigned vcpu, uint32_t task) {
  uint32_t begun = work[vcpu].begun;
  work[vcpu].finished = 0;
  work[vcpu].task = task;
  event_send(work[vcpu].kick);
  if (!yield_until(&work[vcpu].begun, begun + 1, PATIENCE)) check("begun", false, task, "a vCPU that has begun");
}

static void check_counting(void) {
  uint64_t given = 0;
  bool stated = option_number(boot()->cmdline, "vcpus", &given);
  if (stated) check_equal("vcpus", count, given);
  check("vcpus-some", count > 1, count, "2 or more");
  if (count < 2) finish();
  expect("is-up-boot", vcpu_is_up(0), 1);
  expect("is-up-other", vcpu_is_up(1), 0);
  expect("is-up-past-the-end", vcpu_is_up(count), XEN_ENOENT);
  expect("is-up-far-past", vcpu_is_up(~0u), XEN_ENOENT);
}

static void check_refused(void) {
  struct vcpu_info *place = &infos[1];
  expect("up-not-initialised", vcpu_up(1), XEN_EINVAL);
  expect("initialise-boot", vcpu_initialise(0, other_vcpu), XEN_EEXIST);
  expect("initialise-no-vcpu", vcpu_initialise(count, other_vcpu), XEN_ENOENT);
  check_contexts_refused(1);
  expect("up-boot", vcpu_up(0), 0);
  expect("down-down", hypercall_vcpu(VCPUOP_DOWN, 1, NULL), 0);
  expect("physid", hypercall_vcpu(VCPUOP_GET_PHYSID, 1, place), XEN_EINVAL);
  expect("unknown", hypercall_vcpu(99, 1, place), XEN_ENOSYS);
  expect("nmi-argument", hypercall_vcpu(VCPUOP_SEND_NMI, 1, place), XEN_EINVAL);
  long xenoprof = bind_virq(VIRQ_XENOPROF, 1);
  expect_port("virq-of-another", xenoprof);
  event_close((unsigned)xenoprof);
  struct vcpu_set_singleshot_timer timer = {clock_now() + SECOND, 0};
  expect("timer-of-another", hypercall_vcpu(VCPUOP_SET_SINGLESHOT_TIMER, 1, &timer), XEN_EINVAL);
  expect("stop-timer-of-another", hypercall_vcpu(VCPUOP_STOP_SINGLESHOT_TIMER, 1, NULL), XEN_EINVAL);
  expect("periodic-of-another", hypercall_vcpu(VCPUOP_STOP_PERIODIC_TIMER, 1, NULL), 0);
}

/* As Linux brings up a CPU: all that can be done from outside first, even its vcpu_info. */
static void check_start(unsigned vcpu) {
  struct vcpu_runstate_info runstate;
  expect("runstate", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, vcpu, &runstate), 0);
  check_equal("runstate-offline", (uint32_t)runstate.state, RUNSTATE_OFFLINE);
  expect("register-vcpu-info", register_vcpu_info(vcpu, &infos[vcpu]), 0);
  timer_bind(vcpu);
  work[vcpu].to = (unsigned)bind_ipi(vcpu);
  work[vcpu].from = (unsigned)bind_ipi(0);
  work[vcpu].kick = (unsigned)bind_ipi(vcpu);
  event_unmask(work[vcpu].kick);
  event_unmask(work[vcpu].to);
  event_unmask(work[vcpu].from);
  expect("initialise", vcpu_initialise(vcpu, other_vcpu), 0);
  expect("initialise-twice", vcpu_initialise(vcpu, other_vcpu), XEN_EEXIST);
  expect("initialised-not-up", vcpu_is_up(vcpu), 0);
  clock_spin(5 * MILLISECOND);
  check_equal("initialised-not-running", work[vcpu].came_up, 0);
  /* Registering asked for an upcall, and initialising keeps it. */
  check_equal("register-pends", infos[vcpu].upcall_pending, 1);
  trying("bring up a vCPU");
  expect("up", vcpu_up(vcpu), 0);
  check("came-up", yield_until(&work[vcpu].came_up, 1, PATIENCE), vcpu, "a vCPU that runs");
  expect("is-up", vcpu_is_up(vcpu), 1);
  expect("up-up", vcpu_up(vcpu), 0);
  check("own-clock", work[vcpu].clock && apart(work[vcpu].clock, clock_now()) < PATIENCE, work[vcpu].clock,
        "about the same time as on the boot vCPU");
}

static void check_echo(unsigned vcpu) {
  give(vcpu, TASK_ECHO);
  trying("send IPIs both ways");
  struct tally answers = {0};
  uint32_t sent = events_seen[work[vcpu].to], got = events_seen[work[vcpu].from];
  for (unsigned i = 1; i <= 20; i++) {
    event_send(work[vcpu].to);
    bool answered = wait_for_count(&events_seen[work[vcpu].from], got + i, PATIENCE);
    tally_item(&answers, i, answered, true);
    if (!answered) break;
  }
  check_tally("ipi-answers", &answers);
  check_equal("ipi-sent", events_seen[work[vcpu].to] - sent, 20);
  check_equal("ipi-vcpu", events_vcpu[work[vcpu].to], vcpu);
  check_equal("ipi-own-vcpu", events_vcpu[work[vcpu].from], 0);
  work[vcpu].task = TASK_IDLE;
  event_send(work[vcpu].kick);
  check("ipi-end", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "an end");
}

static void check_moved_port(unsigned vcpu) {
  unsigned a = (unsigned)alloc_unbound(DOMID_SELF, DOMID_SELF);
  unsigned b = (unsigned)bind_interdomain(DOMID_SELF, a);
  event_clear_pending(b);
  expect("move", bind_vcpu(b, vcpu), 0);
  event_unmask(b);
  give(vcpu, TASK_SPIN);
  event_send(a);
  check("moved", yield_until(&events_seen[b], 1, PATIENCE), events_seen[b], "an event on the other vCPU");
  check_equal("moved-vcpu", events_vcpu[b], vcpu);
  work[vcpu].task = TASK_IDLE;
  check("moved-end", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "an end");
  event_close(b);
  event_close(a);
  events_seen[b] = 0;
}

static void check_spinning(unsigned vcpu) {
  uint32_t before = events_seen[work[vcpu].to];
  give(vcpu, TASK_SPIN);
  clock_spin(5 * MILLISECOND);
  trying("send an event to a vCPU that spins");
  event_send(work[vcpu].to);
  check("spinning-ipi", yield_until(&events_seen[work[vcpu].to], before + 1, PATIENCE), events_seen[work[vcpu].to] - before,
        "a delivery without an exit of that vCPU's own");
  uint32_t nmis = work[vcpu].nmis;
  expect("nmi", hypercall_vcpu(VCPUOP_SEND_NMI, vcpu, NULL), 0);
  check("nmi-taken", yield_until(&work[vcpu].nmis, nmis + 1, PATIENCE), work[vcpu].nmis - nmis, "one NMI");
  work[vcpu].task = TASK_IDLE;
  check("spinning-end", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "an end");
}

static void check_timers(void) {
  for (unsigned vcpu = 1; vcpu < count; vcpu++) give(vcpu, TASK_NAP);
  struct tally ended = {0}, early = {0}, ticks = {0};
  for (unsigned vcpu = 1; vcpu < count; vcpu++) {
    tally_item(&ended, vcpu, yield_until(&work[vcpu].finished, 1, PATIENCE), true);
    tally_item(&early, vcpu, work[vcpu].early_naps, 0);
    tally_item(&ticks, vcpu, timer_ticks(vcpu), NAPS);
  }
  check_tally("naps", &ended);
  check_tally("naps-not-early", &early);
  check_tally("naps-own-ticks", &ticks);
}

static void check_poll(unsigned vcpu) {
  work[vcpu].result = -1;
  give(vcpu, TASK_POLL);
  trying("send to a port that another vCPU polls");
  clock_spin(20 * MILLISECOND);
  check_equal("poll-waits", work[vcpu].finished, 0);
  event_send(work[vcpu].to);
  check("poll-ends", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "an end");
  expect("poll-result", work[vcpu].result, 0);
  struct sched_poll argument = {&work[vcpu].from, 1, clock_now() + 20 * MILLISECOND};
  uint64_t start = clock_now();
  expect("boot-poll", hypercall_pointer(HYPERCALL_SCHED_OP, SCHEDOP_POLL, &argument), 0);
  check("boot-poll-time", clock_now() - start >= 19 * MILLISECOND, clock_now() - start, "20 ms");
}

static void check_down(unsigned vcpu) {
  uint32_t came_up = work[vcpu].came_up;
  give(vcpu, TASK_DOWN);
  trying("take a vCPU down and bring it up again");
  uint64_t end = clock_now() + PATIENCE;
  while (vcpu_is_up(vcpu) == 1 && clock_now() < end) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  expect("is-down", vcpu_is_up(vcpu), 0);
  clock_spin(10 * MILLISECOND);
  check_equal("down-stays", work[vcpu].finished, 0);
  expect("initialise-when-down", vcpu_initialise(vcpu, other_vcpu), XEN_EEXIST);
  uint32_t before = events_seen[work[vcpu].to];
  event_send(work[vcpu].to);
  clock_spin(10 * MILLISECOND);
  check_equal("down-takes-nothing", events_seen[work[vcpu].to], before);
  expect("up-again", vcpu_up(vcpu), 0);
  check("goes-on", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "a vCPU that goes on where it was");
  check_equal("not-started-anew", work[vcpu].came_up, came_up);
  give(vcpu, TASK_SPIN);
  check("takes-it-now", yield_until(&events_seen[work[vcpu].to], before + 1, PATIENCE), events_seen[work[vcpu].to] - before,
        "what was sent meanwhile");
  work[vcpu].task = TASK_IDLE;
  check("down-end", yield_until(&work[vcpu].finished, 1, PATIENCE), vcpu, "an end");
}

static void check_return(unsigned vcpu) {
  give(vcpu, TASK_RETURN);
  uint64_t end = clock_now() + PATIENCE;
  while (vcpu_is_up(vcpu) == 1 && clock_now() < end) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
  expect("ended", vcpu_is_up(vcpu), 0);
}

static void check_boot_nmi(void) {
  trying("send an NMI to this vCPU");
  expect("own-nmi", hypercall_vcpu(VCPUOP_SEND_NMI, 0, NULL), 0);
  hypercall(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0);
  check_equal("own-nmi-taken", boot_nmis, 1);
  check_equal("own-nmi-interrupts-off", interrupts_enabled(), false);
}

_Noreturn void guest_main(void) {
  events_init();
  take_interrupts();
  interrupt_handle(VECTOR_NMI, nmi);
  count = vcpu_count();
  check_boot_nmi();
  check_counting();
  timer_bind(0);
  check_refused();
  for (unsigned vcpu = 1; vcpu < count; vcpu++) {
    check_start(vcpu);
    check_entry_state(vcpu);
    check_echo(vcpu);
    check_moved_port(vcpu);
    check_spinning(vcpu);
    check_poll(vcpu);
    check_down(vcpu);
  }
  check_timers();
  for (unsigned vcpu = 1; vcpu < count; vcpu++) check_return(vcpu);
  finish();
}
