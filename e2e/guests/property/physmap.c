/* Moving pages in the physical memory map: shared_info, the guest's own and grant frames; one by one and in batches. */
#include "address.h"
#include "boot.h"
#include "clock.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "shared-info.h"
#include "text.h"
#include "window.h"
#include "xen-memory.h"

#define NO_DOMAIN 0x7000
#define MARK 0x1dea5
#define PATTERN 0x77

static uint8_t pages[8][PAGE_SIZE] ZEROED_PAGES;
static unsigned port;

static long memory_op(unsigned operation, const void *argument) {
  return hypercall_pointer(HYPERCALL_MEMORY_OP, operation, argument);
}

static long add(uint32_t space, unsigned long idx, unsigned long frame) {
  struct xen_add_to_physmap argument = {DOMID_SELF, 0, space, idx, frame};
  return memory_op(XENMEM_ADD_TO_PHYSMAP, &argument);
}

static long remove(unsigned long frame) {
  struct xen_remove_from_physmap argument = {DOMID_SELF, frame};
  return memory_op(XENMEM_REMOVE_FROM_PHYSMAP, &argument);
}

static long populate(unsigned long frame) {
  struct xen_memory_reservation reservation = {&frame, 1, 0, 0, DOMID_SELF};
  return memory_op(XENMEM_POPULATE_PHYSMAP, &reservation);
}

static void check_events(const char *name) {
  uint32_t before = events_seen[port];
  event_clear_mask(port);
  event_send(port);
  take_interrupts();
  check_equal(name, events_seen[port], before + 1);
}

static void check_shared_info_moves(void) {
  unsigned long first = frame_of(shared_info);
  shared_info->arch[0] = MARK;
  uint32_t wall_clock = shared_info->wc_sec;
  trying("move shared_info over a page of RAM");
  expect("shared-info-move", shared_info_place(frame_of(pages[0])), 0);
  shared_info = (volatile struct shared_info *)pages[0];
  check_equal("shared-info-contents", shared_info->arch[0], MARK);
  check_equal("shared-info-wallclock", shared_info->wc_sec, wall_clock);
  check_events("shared-info-moved-events");
  expect("shared-info-same-place", shared_info_place(frame_of(pages[0])), 0);
  check_equal("shared-info-same-contents", shared_info->arch[0], MARK);
  /* Where it was there is nothing now. */
  expect("old-place-populates", populate(first), 1);
  check_equal("old-place-zero", window(first)[0] | window(first)[2600], 0);

  trying("move shared_info to a hole");
  expect("shared-info-to-hole", shared_info_place(ABSENT_FRAME), 0);
  shared_info = (volatile struct shared_info *)window(ABSENT_FRAME);
  check_equal("shared-info-hole-contents", shared_info->arch[0], MARK);
  check_events("shared-info-hole-events");
  expect("shared-info-back", shared_info_place(first), 0);
  shared_info = frame_pointer(first);
  check_equal("shared-info-back-contents", shared_info->arch[0], MARK);
  check_events("shared-info-back-events");
  expect("first-page-populates", populate(frame_of(pages[0])), 1);
  check_equal("first-page-zero", pages[0][100], 0);
}

static void check_own_pages(void) {
  memset(pages[1], PATTERN, PAGE_SIZE);
  memset(pages[2], PATTERN + 1, PAGE_SIZE);
  trying("move a page of RAM");
  expect("gmfn", add(XENMAPSPACE_GMFN, frame_of(pages[1]), frame_of(pages[2])), 0);
  check_equal("gmfn-contents", pages[2][0] & pages[2][4095], PATTERN);
  expect("gmfn-source-gone", add(XENMAPSPACE_GMFN, frame_of(pages[1]), frame_of(pages[3])), XEN_EINVAL);
  expect("gmfn-source-populates", populate(frame_of(pages[1])), 1);
  expect("gmfn-to-hole", add(XENMAPSPACE_GMFN, frame_of(pages[2]), ABSENT_FRAME + 1), 0);
  check_equal("gmfn-hole-contents", window(ABSENT_FRAME + 1)[17], PATTERN);
  expect("gmfn-back", add(XENMAPSPACE_GMFN, ABSENT_FRAME + 1, frame_of(pages[2])), 0);
  check_equal("gmfn-back-contents", pages[2][17], PATTERN);
  /* Populating need not have cleared it. */
  memset(pages[1], 0, PAGE_SIZE);
  struct xen_add_to_physmap range = {DOMID_SELF, 2, XENMAPSPACE_GMFN_RANGE, frame_of(pages[1]), frame_of(pages[4])};
  expect("gmfn-range", memory_op(XENMEM_ADD_TO_PHYSMAP, &range), 0);
  check_equal("gmfn-range-contents", (uint32_t)pages[4][0] << 8 | pages[5][0], PATTERN);
  expect("range-populates", populate(frame_of(pages[1])) + populate(frame_of(pages[2])), 2);
}

static void check_remove(void) {
  trying("remove a page");
  expect("remove", remove(frame_of(pages[6])), 0);
  expect("remove-again", remove(frame_of(pages[6])), XEN_ENOENT);
  expect("remove-absent", remove(ABSENT_FRAME), XEN_ENOENT);
  expect("remove-populates", populate(frame_of(pages[6])), 1);
  check_equal("remove-zero", pages[6][0], 0);
  expect("remove-bad-pointer", memory_op(XENMEM_REMOVE_FROM_PHYSMAP, BAD_POINTER), XEN_EFAULT);
}

static void check_grant_frame(void) {
  expect("grant-frame", add(XENMAPSPACE_GRANT_TABLE, 0, frame_of(pages[7])), 0);
  /* Refs 0 and 1 are the console's and the store's: GTF_permit_access. */
  check_bits("grant-frame-console", *(volatile uint16_t *)pages[7], 3, 1);
  check_bits("grant-frame-store", *(volatile uint16_t *)(pages[7] + 8), 3, 1);
  expect("grant-frame-move", add(XENMAPSPACE_GRANT_TABLE, 0, ABSENT_FRAME + 2), 0);
  check_bits("grant-frame-moved", *(volatile uint16_t *)window(ABSENT_FRAME + 2), 3, 1);
  expect("grant-frame-populates", populate(frame_of(pages[7])), 1);
  expect("grant-frame-too-high", add(XENMAPSPACE_GRANT_TABLE, 100000, ABSENT_FRAME + 3), XEN_EINVAL);
}

static void check_batch(void) {
  unsigned long idxs[] = {0, 1, 0};
  unsigned long frames[] = {frame_of(shared_info), ABSENT_FRAME, frame_of(shared_info)};
  int errors[] = {77, 77, 77, 77};
  struct xen_add_to_physmap_batch batch = {DOMID_SELF, XENMAPSPACE_SHARED_INFO, 3, 0, idxs, frames, errors};
  expect("batch", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), 0);
  expect("batch-first", errors[0], 0);
  expect("batch-second", errors[1], XEN_EINVAL);
  expect("batch-third", errors[2], 0);
  check_equal("batch-no-more", (uint32_t)errors[3], 77);
  batch.size = 0;
  expect("batch-empty", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), 0);
  batch.size = 1;
  batch.space = XENMAPSPACE_GMFN_RANGE;
  expect("batch-range", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), XEN_EOPNOTSUPP);
  batch.space = XENMAPSPACE_SHARED_INFO;
  batch.idxs = BAD_POINTER;
  expect("batch-bad-idxs", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), XEN_EFAULT);
  batch.idxs = idxs;
  batch.gpfns = BAD_POINTER;
  expect("batch-bad-gpfns", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), XEN_EFAULT);
  batch.gpfns = frames;
  batch.errs = BAD_POINTER;
  expect("batch-bad-errs", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), XEN_EFAULT);
  batch.domid = NO_DOMAIN;
  expect("batch-no-domain", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, &batch), XEN_ESRCH);
  expect("batch-bad-pointer", memory_op(XENMEM_ADD_TO_PHYSMAP_BATCH, BAD_POINTER), XEN_EFAULT);
}

static void check_refused(void) {
  struct xen_add_to_physmap argument = {NO_DOMAIN, 0, XENMAPSPACE_SHARED_INFO, 0, frame_of(pages[0])};
  expect("add-no-domain", memory_op(XENMEM_ADD_TO_PHYSMAP, &argument), XEN_ESRCH);
  expect("add-bad-pointer", memory_op(XENMEM_ADD_TO_PHYSMAP, BAD_POINTER), XEN_EFAULT);
  expect("add-second-shared-info", add(XENMAPSPACE_SHARED_INFO, 1, frame_of(pages[0])), XEN_EINVAL);
  expect("add-foreign", add(XENMAPSPACE_GMFN_FOREIGN, 0, frame_of(pages[0])), XEN_ENOSYS);
  expect("add-unknown-space", add(99, 0, frame_of(pages[0])), XEN_EINVAL);
  expect("add-gmfn-absent", add(XENMAPSPACE_GMFN, ABSENT_FRAME + 9, frame_of(pages[0])), XEN_EINVAL);
  check_equal("refused-left-alone", pages[0][0], 0);
}

_Noreturn void guest_main(void) {
  events_init();
  take_interrupts();
  port = (unsigned)bind_ipi(0);
  check_events("events-first");
  check_shared_info_moves();
  check_own_pages();
  check_remove();
  check_grant_frame();
  check_batch();
  check_refused();
  check_events("events-last");
  finish();
}
