/*
 * MEMORY_OP as a balloon driver uses it: what is reserved, giving pages back and getting them again, up to the maximum.
 * `memory_mib=N maxmem_mib=M` on the command line say what was configured.
 */
#include "address.h"
#include "boot.h"
#include "expect.h"
#include "hypercall.h"
#include "interrupts.h"
#include "real-xen.h"
#include "text.h"
#include "window.h"
#include "xen-memory.h"

#define POOL 16
#define BLOCK_ORDER 9
#define BLOCK (1ul << BLOCK_ORDER)
/* 8 MiB: beyond the guest's image and what the loader put behind it, and within the least memory it is run with. */
#define BLOCK_FRAME 0x800ul
#define NO_DOMAIN 0x7000
#define BATCH 512
/* Xen's toolstack lets a domain have 1 MiB more than its target. */
#define SLACK 256

static uint8_t pool[POOL][PAGE_SIZE] ZEROED_PAGES;
static unsigned long frames[BATCH];

static long memory_op(unsigned operation, const void *argument) {
  return hypercall_pointer(HYPERCALL_MEMORY_OP, operation, argument);
}

static long of_domain(unsigned operation, uint16_t domid) {
  struct xen_memory_domain domain = {domid};
  return memory_op(operation, &domain);
}

static long current(void) {
  return of_domain(XENMEM_CURRENT_RESERVATION, DOMID_SELF);
}

static long maximum(void) {
  return of_domain(XENMEM_MAXIMUM_RESERVATION, DOMID_SELF);
}

static long adjust(unsigned operation, unsigned long count, uint32_t order) {
  struct xen_memory_reservation reservation = {frames, count, order, 0, DOMID_SELF};
  return memory_op(operation, &reservation);
}

static void list(unsigned long first, unsigned long count, unsigned long step) {
  for (unsigned long i = 0; i < count; i++) frames[i] = first + i * step;
}

static void check_numbers(uint64_t memory_pages, uint64_t maxmem_pages) {
  static const unsigned operations[] = {XENMEM_CURRENT_RESERVATION, XENMEM_MAXIMUM_RESERVATION, XENMEM_MAXIMUM_GPFN};
  long now = current(), most = maximum(), last = of_domain(XENMEM_MAXIMUM_GPFN, DOMID_SELF);
  /* A direct guest begins with all that it may have. */
  check("current", (uint64_t)now + 64 >= memory_pages && (uint64_t)now <= maxmem_pages + 64, (uint64_t)now,
        "about the configured memory, or the configured maximum");
  check("maximum", now <= most && (uint64_t)most >= memory_pages && (uint64_t)most <= maxmem_pages + SLACK,
        (uint64_t)most, "what is there now and little more");
  check("maximum-gpfn", (uint64_t)last + 1 >= memory_pages, (uint64_t)last, "at least the last page of RAM");
  for (unsigned i = 0; i < 3; i++) {
    expect("numbers-no-domain", of_domain(operations[i], NO_DOMAIN), XEN_ESRCH);
    expect("numbers-bad-pointer", memory_op(operations[i], BAD_POINTER), XEN_EFAULT);
  }
}

static void check_map(uint64_t maxmem_pages) {
  static struct xen_memory_map_entry entries[128];
  struct xen_memory_map map = {128, entries};
  uint64_t ram = 0;
  expect("memory-map", memory_op(XENMEM_MEMORY_MAP, &map), 0);
  for (uint32_t i = 0; i < map.entries && i < 128; i++)
    if (entries[i].type == 1) ram += entries[i].size;
  check_equal("memory-map-ram", ram, maxmem_pages * PAGE_SIZE);
  struct xen_memory_map none = {0, entries};
  long result = memory_op(XENMEM_MEMORY_MAP, &none);
  check("memory-map-no-room", result == 0 && none.entries == 0, none.entries, "no entries");
}

/*
 * What a page may hold that was populated. Xen does not clear what a domain itself has freed (unless told so by
 * scrub-domheap) and hands it out again: then it is what stood there, and 0 otherwise.
 */
static bool is_fresh(unsigned long word, unsigned long before) {
  return word == 0 || (real_xen() && word == before);
}

static void check_pool(void) {
  long before = current();
  memset(pool, 0xa5, sizeof pool);
  list(frame_of(pool), 8, 1);
  trying("give back pages");
  expect("decrease", adjust(XENMEM_DECREASE_RESERVATION, 8, 0), 8);
  check_equal("decrease-current", (unsigned long)current(), (unsigned long)before - 8);
  expect("decrease-gone", adjust(XENMEM_DECREASE_RESERVATION, 8, 0), 0);
  /* It stops at the first page that is not there. */
  list(frame_of(pool) + 8, 3, 1);
  frames[1] = frame_of(pool);
  expect("decrease-part", adjust(XENMEM_DECREASE_RESERVATION, 3, 0), 1);
  check_equal("neighbour-stays", pool[9][0] | pool[15][4095], 0xa5);
  list(frame_of(pool), 9, 1);
  trying("get pages again");
  expect("populate", adjust(XENMEM_POPULATE_PHYSMAP, 9, 0), 9);
  check_equal("populate-current", (unsigned long)current(), (unsigned long)before);
  const unsigned long before_word = (unsigned long)0xa5a5a5a5a5a5a5a5;
  struct tally zero = {0}, kept = {0};
  for (unsigned i = 0; i < POOL; i++) {
    const volatile unsigned long *words = (const volatile unsigned long *)pool[i];
    for (unsigned j = 0; j < PAGE_SIZE / sizeof *words; j += 16)
      if (i < 9)
        tally_item(&zero, i, is_fresh(words[j], before_word) ? 0 : words[j], 0);
      else
        tally_item(&kept, i, words[j], before_word);
  }
  check_tally("populated-zero", &zero);
  check_tally("others-kept", &kept);
  memset(pool, 0x5a, sizeof pool);
  check_equal("populated-writable", pool[0][0] & pool[8][4095], 0x5a);
}

static void check_block(void) {
  long before = current();
  list(BLOCK_FRAME, 1, 1);
  window(BLOCK_FRAME)[7] = 1;
  window(BLOCK_FRAME + BLOCK - 1)[7] = 1;
  trying("give back and get 2 MiB");
  expect("decrease-block", adjust(XENMEM_DECREASE_RESERVATION, 1, BLOCK_ORDER), 1);
  check_equal("decrease-block-current", (unsigned long)current(), (unsigned long)before - BLOCK);
  expect("populate-block", adjust(XENMEM_POPULATE_PHYSMAP, 1, BLOCK_ORDER), 1);
  check_equal("populate-block-current", (unsigned long)current(), (unsigned long)before);
  unsigned long words = window(BLOCK_FRAME)[7] | window(BLOCK_FRAME + BLOCK - 1)[7];
  check_equal("populate-block-zero", is_fresh(words, 1) ? 0 : words, 0);
  /* The same pages one by one. */
  list(BLOCK_FRAME, BLOCK, 1);
  expect("decrease-many", adjust(XENMEM_DECREASE_RESERVATION, BLOCK, 0), (long)BLOCK);
  expect("populate-many", adjust(XENMEM_POPULATE_PHYSMAP, BLOCK, 0), (long)BLOCK);
  check_equal("many-current", (unsigned long)current(), (unsigned long)before);
}

/* These never fail: what comes back is how many extents were done. */
static void check_refused(void) {
  static const unsigned operations[] = {XENMEM_INCREASE_RESERVATION, XENMEM_DECREASE_RESERVATION,
                                        XENMEM_POPULATE_PHYSMAP};
  long before = current();
  for (unsigned i = 0; i < 3; i++) {
    unsigned operation = operations[i];
    struct xen_memory_reservation reservation = {frames, 1, 0, 0, NO_DOMAIN};
    list(ABSENT_FRAME, BATCH, 1);
    expect("adjust-no-domain", memory_op(operation, &reservation), 0);
    expect("adjust-bad-pointer", memory_op(operation, BAD_POINTER), 0);
    expect("adjust-nothing", adjust(operation, 0, 0), 0);
    expect("adjust-far-too-many", adjust(operation, ~0ul, 0), 0);
    expect("adjust-order", adjust(operation, 1, 19), 0);
    expect("adjust-wild-order", adjust(operation, 1, 0xffffffff), 0);
    if (operation == XENMEM_INCREASE_RESERVATION) continue;
    reservation = (struct xen_memory_reservation){BAD_POINTER, 1, 0, 0, DOMID_SELF};
    expect("adjust-bad-list", memory_op(operation, &reservation), 0);
  }
  expect("decrease-absent", adjust(XENMEM_DECREASE_RESERVATION, 4, 0), 0);
  check_equal("refused-current", (unsigned long)current(), (unsigned long)before);
  check("maximum-ram-page", memory_op(XENMEM_MAXIMUM_RAM_PAGE, NULL) > 0, 1, "a number of pages");
  expect("machphys-mapping", memory_op(XENMEM_MACHPHYS_MAPPING, frames), XEN_ENOSYS);
  expect("machine-memory-map", memory_op(XENMEM_MACHINE_MEMORY_MAP, frames), XEN_ENOSYS);
  expect("unknown", memory_op(63, frames), XEN_ENOSYS);
}

/* Pages beyond what the domain started with, until it has all that it may: its toolstack's target and the slack. */
static void check_growing(uint64_t memory_pages, uint64_t maxmem_pages) {
  unsigned long next = memory_pages;
  uint64_t most = (uint64_t)maximum() < maxmem_pages ? (uint64_t)maximum() : maxmem_pages;
  trying("grow to the maximum");
  while (next < maxmem_pages) {
    unsigned long count = maxmem_pages - next < BATCH ? maxmem_pages - next : BATCH;
    list(next, count, 1);
    long done = adjust(XENMEM_POPULATE_PHYSMAP, count, 0);
    if (done > 0) next += (unsigned long)done;
    if (done < (long)count) break;
  }
  check("grown", next + 64 >= most, next, "nearly all pages up to the maximum");
  if (next > memory_pages) {
    window(next - 1)[9] = 77;
    window(memory_pages)[9] = 78;
    check_equal("grown-last", window(next - 1)[9], next - 1 == memory_pages ? 78 : 77);
    check_equal("grown-first", window(memory_pages)[9], 78);
    check_equal("grown-zero", window(next - 1)[4000], 0);
  }
  /* What is left is the slack. */
  unsigned long more = 0;
  for (; more < 2 * SLACK; more++) {
    list(ABSENT_FRAME + more, 1, 1);
    if (adjust(XENMEM_POPULATE_PHYSMAP, 1, 0) != 1) break;
  }
  check("maximum-holds", current() <= maximum() && more <= SLACK + 64, more, "an end at the maximum");
  for (unsigned long i = 0; i < more; i++) {
    list(ABSENT_FRAME + i, 1, 1);
    adjust(XENMEM_DECREASE_RESERVATION, 1, 0);
  }
  while (next > memory_pages) {
    unsigned long count = next - memory_pages < BATCH ? next - memory_pages : BATCH;
    list(next - count, count, 1);
    if (adjust(XENMEM_DECREASE_RESERVATION, count, 0) != (long)count) break;
    next -= count;
  }
  check_equal("shrunk", next, memory_pages);
}

/*
 * Xen populates a direct guest on demand when it may have more than it has. Until it has given back what is more than its
 * target, what it gives back fills the reserve that pages are populated from.
 */
static void give_back_on_demand(uint64_t memory_pages, uint64_t maxmem_pages) {
  long before = current();
  struct tally given = {0};
  trying("give back what was never there");
  for (unsigned long next = memory_pages; next < maxmem_pages; next += BATCH) {
    unsigned long count = maxmem_pages - next < BATCH ? maxmem_pages - next : BATCH;
    list(next, count, 1);
    tally_item(&given, next, (unsigned long)adjust(XENMEM_DECREASE_RESERVATION, count, 0), count);
  }
  check_tally("on-demand-decrease", &given);
  check_equal("on-demand-current", (unsigned long)current(), (unsigned long)before);
}

static bool is_on_demand(void) {
#ifdef __x86_64__
  return false;
#else
  return real_xen();
#endif
}

_Noreturn void guest_main(void) {
  uint64_t memory = 16, maxmem;
  interrupts_init();
  on_xen();
  option_number(boot()->cmdline, "memory_mib", &memory);
  maxmem = memory;
  option_number(boot()->cmdline, "maxmem_mib", &maxmem);
  check_numbers(memory << 8, maxmem << 8);
  check_map(maxmem << 8);
  if (is_on_demand() && maxmem > memory) give_back_on_demand(memory << 8, maxmem << 8);
  check_pool();
  check_block();
  check_refused();
  check_growing(memory << 8, maxmem << 8);
  check_pool();
  finish();
}
