#include "clock.h"
#include "cpu.h"
#include "interrupts.h"

#define SNAPSHOT_TRIES 1000000

bool clock_snapshot(const volatile struct vcpu_time *clock, struct vcpu_time *copy) {
  for (uint32_t i = 0; i < SNAPSHOT_TRIES; i++) {
    copy->version = clock->version;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy->tsc_timestamp = clock->tsc_timestamp;
    copy->system_time = clock->system_time;
    copy->tsc_to_system_mul = clock->tsc_to_system_mul;
    copy->tsc_shift = clock->tsc_shift;
    copy->flags = clock->flags;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (!(copy->version & 1) && copy->version == clock->version) return copy->version != 0;
    relax();
  }
  return false;
}

uint64_t clock_at(const struct vcpu_time *clock, uint64_t tsc) {
  uint64_t delta = tsc - clock->tsc_timestamp;
  if (clock->tsc_shift < 0)
    delta >>= -clock->tsc_shift;
  else
    delta <<= clock->tsc_shift;
  /* Two products of 32 bits, since a 32-bit guest has no 128-bit one. */
  uint64_t low = (delta & 0xffffffff) * clock->tsc_to_system_mul;
  uint64_t high = (delta >> 32) * clock->tsc_to_system_mul;
  return clock->system_time + high + (low >> 32);
}

uint64_t clock_read(const volatile struct vcpu_time *clock) {
  struct vcpu_time copy;
  uint64_t tsc;
  /* Time that passed between the snapshot and the reading is in the reading. */
  if (!clock_snapshot(clock, &copy)) return 0;
  tsc = read_tsc();
  return clock_at(&copy, tsc);
}

uint64_t clock_now(void) {
  return clock_read(&vcpu_info(0)->time);
}

void clock_spin(uint64_t nanoseconds) {
  uint64_t end = clock_now() + nanoseconds;
  while (clock_now() < end) relax();
}

struct wall_clock wall_clock_base(void) {
  struct wall_clock base = {0, 0};
  uint32_t version;
  do {
    version = shared_info->wc_version;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    base.seconds = (uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec;
    base.nanoseconds = shared_info->wc_nsec;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
  } while (version & 1 || version != shared_info->wc_version);
  return base;
}
