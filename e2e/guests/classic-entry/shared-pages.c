/* The pages shared with the hypervisor and its back ends: initial contents. */
#include "checks.h"
#include "verdict.h"

#define STORE_RING_INDICES 2048
#define CONSOLE_RING_INDICES 3072

static bool clock_is_valid(const volatile struct vcpu_info *vcpu) {
  if (vcpu->time.version == 0) return vcpu->time.tsc_to_system_mul == 0 && vcpu->time.system_time == 0;
  return !(vcpu->time.version & 1) && vcpu->time.tsc_to_system_mul != 0;
}

static void check_shared_info(void) {
  const volatile struct shared_info *shared = mapped(start_info->shared_info);
  const volatile uint64_t *words = (const volatile uint64_t *)shared;
  struct tally pending = {0}, mask = {0}, selectors = {0}, channels = {0}, rest = {0};
  for (uint32_t i = 0; i < 32; i++) {
    tally_item(&pending, i, shared->vcpu_info[i].upcall_pending, 0);
    tally_item(&mask, i, shared->vcpu_info[i].upcall_mask, 1);
    tally_item(&selectors, i, shared->vcpu_info[i].pending_sel | shared->vcpu_info[i].cr2, 0);
  }
  for (uint32_t i = 0; i < 64; i++) tally_item(&channels, i, shared->evtchn_pending[i] | shared->evtchn_mask[i], 0);
  for (uint32_t i = 0; i < 6; i++) tally_item(&rest, i, shared->arch[i], 0);
  for (uint32_t i = sizeof *shared / 8; i < PAGE_SIZE / 8; i++) tally_item(&rest, i, words[i], 0);
  check_tally("upcall-pending", &pending);
  check_tally("upcall-mask", &mask);
  check_tally("pending-selectors", &selectors);
  check_tally("evtchn-bitmaps-zero", &channels);
  check_tally("shared-info-rest-zero", &rest);
  /* The hypervisor may have written its clock already; a half-written one never shows. */
  check("clock", clock_is_valid(&shared->vcpu_info[0]), shared->vcpu_info[0].time.version,
        "no clock yet, or an even version with a multiplier");
}

static void check_ring(const char *name, uint64_t frame, uint32_t indices) {
  const volatile uint32_t *index = (const volatile uint32_t *)((uint8_t *)mapped(frame * PAGE_SIZE) + indices);
  struct tally zero = {0};
  for (uint32_t i = 0; i < 4; i++) tally_item(&zero, i, index[i], 0);
  check_tally(name, &zero);
}

void check_shared_pages(void) {
  const struct start_info *si = start_info;
  if (!is_mapped(VIRT_BASE + si->shared_info, PAGE_SIZE)) return;
  if (!is_mapped(VIRT_BASE + si->store_mfn * PAGE_SIZE, PAGE_SIZE)) return;
  if (!is_mapped(VIRT_BASE + si->console_mfn * PAGE_SIZE, PAGE_SIZE)) return;
  trying("read shared_info");
  check_shared_info();
  trying("read the xenstore and console rings");
  check_ring("store-ring-empty", si->store_mfn, STORE_RING_INDICES);
  check_ring("console-ring-empty", si->console_mfn, CONSOLE_RING_INDICES);
}
