/* The clocks: pvclock in vcpu_info, in shared_info's stale copy and in a time area, the wall clock, and runstates. */
#include "address.h"
#include "boot.h"
#include "clock.h"
#include "cpu.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "text.h"
#include "timer.h"
#include "xen-hvm.h"
#include "xen-vcpu.h"

#define READINGS 2000
#define VM_ASSIST_ENABLE 0
#define VMASST_TYPE_RUNSTATE_UPDATE_FLAG 5
/* 2024-01-01 and 2100-01-01. */
#define EARLIEST 1704067200ull
#define LATEST 4102444800ull
#define TICKS (1ull << 30)
/* What the clocks of guest and hypervisor may be apart where the TSC is unreliable. */
#define APART (15 * MILLISECOND)

static uint8_t info_page[PAGE_SIZE] ZEROED_PAGES;
static volatile struct vcpu_time time_area;
static volatile struct vcpu_runstate_info runstate_area;

static void check_clock(const char *name, const volatile struct vcpu_time *clock) {
  struct vcpu_time copy = {0};
  bool whole = clock_snapshot(clock, &copy);
  check(name, whole && copy.tsc_to_system_mul != 0, copy.version, "an even version and a multiplier");
}

static void check_rate(void) {
  struct vcpu_time before, after;
  if (!clock_snapshot(&vcpu_info(0)->time, &before)) return;
  uint64_t billion = clock_at(&before, before.tsc_timestamp + TICKS) - before.system_time;
  check("tsc-frequency", billion > 50 * MILLISECOND && billion < 11 * SECOND, billion,
        "a TSC of 100 MHz to 20 GHz: ns for 2^30 ticks");
  sleep_for(300 * MILLISECOND);
  uint64_t tsc = read_tsc();
  if (!clock_snapshot(&vcpu_info(0)->time, &after)) return;
  expect_close("clock-keeps-rate", clock_at(&after, tsc), clock_at(&before, tsc), APART);
}

static void check_monotonic(void) {
  struct tally readings = {0};
  uint64_t last = clock_now();
  for (uint32_t i = 0; i < READINGS; i++) {
    uint64_t now = clock_now();
    tally_item(&readings, last, now >= last, true);
    last = now;
  }
  check_tally("clock-monotonic", &readings);
}

static void check_get_time(void) {
  uint64_t before = clock_now(), now = 0;
  long result = hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_TIME, &now);
  uint64_t after = clock_now();
  expect("hvmop-get-time", result, 0);
  expect_between("hvmop-get-time-now", before, now, after, APART);
}

static void check_wall_clock(void) {
  check("wallclock-version", shared_info->wc_version && !(shared_info->wc_version & 1), shared_info->wc_version,
        "even and not 0");
  struct wall_clock base = wall_clock_base();
  check("wallclock-nanoseconds", base.nanoseconds < SECOND, base.nanoseconds, "less than a second");
  check("wallclock-year", base.seconds > EARLIEST && base.seconds < LATEST, base.seconds, "2024 or later");
}

static void check_time_area_time(const char *name) {
  uint64_t before = clock_now();
  uint64_t found = clock_read(&time_area);
  expect_between(name, before, found, clock_now(), APART);
}

static void check_time_area(void) {
  struct vcpu_memory_area area = {.address = 0};
  area.pointer = &time_area;
  expect("time-area-bad-pointer", hypercall_vcpu(VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA, 0, BAD_POINTER), XEN_EFAULT);
  expect("time-area", hypercall_vcpu(VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA, 0, &area), 0);
  check_clock("time-area-clock", &time_area);
  check_time_area_time("time-area-time");
  sleep_for(50 * MILLISECOND);
  check_time_area_time("time-area-later");
}

static uint64_t total(const volatile struct vcpu_runstate_info *info) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < RUNSTATES; i++) sum += info->time[i];
  return sum;
}

static void check_runstate_info(void) {
  struct vcpu_runstate_info before, after;
  uint64_t earliest = clock_now();
  expect("runstate", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, 0, &before), 0);
  uint64_t start = clock_now();
  check_equal("runstate-running", (uint32_t)before.state, RUNSTATE_RUNNING);
  check("runstate-entered", before.state_entry_time <= start + APART, before.state_entry_time, "a time in the past");
  sleep_for(100 * MILLISECOND);
  uint64_t end = clock_now();
  expect("runstate-again", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, 0, &after), 0);
  uint64_t latest = clock_now();
  expect_between("runstate-sum", end - start, total(&after) - total(&before), latest - earliest, APART);
  expect_at_least("runstate-blocked", after.time[RUNSTATE_BLOCKED] - before.time[RUNSTATE_BLOCKED], 50 * MILLISECOND);
  expect("runstate-bad-pointer", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, 0, BAD_POINTER), XEN_EFAULT);
  expect("runstate-no-vcpu", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, 1000, &after), XEN_ENOENT);
}

static void check_runstate_area(void) {
  struct vcpu_memory_area area = {.address = 0};
  struct vcpu_runstate_info asked;
  area.pointer = &runstate_area;
  memset((void *)&runstate_area, 0xff, sizeof runstate_area);
  expect("runstate-area-bad-pointer", hypercall_vcpu(VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, BAD_POINTER), XEN_EFAULT);
  expect("runstate-area", hypercall_vcpu(VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &area), 0);
  check_equal("runstate-area-at-once", (uint32_t)runstate_area.state, RUNSTATE_RUNNING);
  /* Xen 4.6 did not have it for PVH; then the area works without its flag. */
  long assist = hypercall(HYPERCALL_VM_ASSIST, VM_ASSIST_ENABLE, VMASST_TYPE_RUNSTATE_UPDATE_FLAG, 0);
  check("vm-assist", assist == 0 || assist == XEN_ENOSYS, (uint32_t)assist, "0 or -ENOSYS");
  uint64_t blocked = runstate_area.time[RUNSTATE_BLOCKED];
  sleep_for(100 * MILLISECOND);
  expect_at_least("runstate-area-blocked", runstate_area.time[RUNSTATE_BLOCKED] - blocked, 50 * MILLISECOND);
  check_equal("runstate-area-running", (uint32_t)runstate_area.state, RUNSTATE_RUNNING);
  check_equal("runstate-area-not-updating", runstate_area.state_entry_time & RUNSTATE_UPDATE, 0);
  check("runstate-area-entered", runstate_area.state_entry_time <= clock_now() + APART, runstate_area.state_entry_time,
        "a time in the past");
  expect("runstate-compare", hypercall_vcpu(VCPUOP_GET_RUNSTATE_INFO, 0, &asked), 0);
  expect_close("runstate-area-same", runstate_area.time[RUNSTATE_BLOCKED], asked.time[RUNSTATE_BLOCKED],
               5 * MILLISECOND);
}

static long register_at(unsigned long frame, uint32_t offset) {
  struct vcpu_register_vcpu_info info = {frame, offset, 0};
  return hypercall_vcpu(VCPUOP_REGISTER_VCPU_INFO, 0, &info);
}

static void check_registered(void) {
  volatile struct vcpu_info *place = (volatile struct vcpu_info *)(info_page + 0x840);
  unsigned port = timer_bind(0);
  expect("vcpu-info-over-the-end", register_at(frame_of(info_page), PAGE_SIZE - 32), XEN_ENXIO);
  expect("vcpu-info-not-aligned", register_at(frame_of(info_page), 2), XEN_ENXIO);
  expect("vcpu-info-absent-frame", register_at(ABSENT_FRAME, 0), XEN_EINVAL);
  expect("vcpu-info-bad-pointer", hypercall_vcpu(VCPUOP_REGISTER_VCPU_INFO, 0, BAD_POINTER), XEN_EFAULT);
  uint64_t before = clock_now();
  uint32_t upcalls = upcalls_seen[0];
  expect("vcpu-info", register_vcpu_info(0, place), 0);
  uint64_t after = clock_now();
  check("vcpu-info-goes-on", after >= before && after - before < SECOND, after - before, "no jump in time");
  check_clock("vcpu-info-clock", &place->time);
  check_clock("stale-clock", &shared_info->vcpu_info[0].time);
  /* Nothing may get lost, so everything is looked at once. */
  check_equal("vcpu-info-upcall-pending", place->upcall_pending, 1);
  check_equal("vcpu-info-selectors", place->pending_sel, ~0ul);
  take_interrupts();
  check_equal("vcpu-info-upcall", upcalls_seen[0] - upcalls, 1);
  expect("vcpu-info-twice", register_at(frame_of(info_page), 0), XEN_EINVAL);
  uint32_t ticks = events_seen[port];
  sleep_for(20 * MILLISECOND);
  expect_at_least("vcpu-info-delivers", events_seen[port] - ticks, 1);
  check_equal("stale-upcall-pending", shared_info->vcpu_info[0].upcall_pending, 0);
  check_monotonic();
}

_Noreturn void guest_main(void) {
  events_init();
  check_clock("clock", &vcpu_info(0)->time);
  check_monotonic();
  check_rate();
  check_get_time();
  check_wall_clock();
  check_time_area();
  check_runstate_info();
  check_runstate_area();
  check_registered();
  check_rate();
  finish();
}
