/* Grant tables: what each operation answers, copies and mappings of the guest's own grants, what is refused. */
#include "grants.h"
#include "address.h"
#include "boot.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "own-domain.h"
#include "real-xen.h"
#include "text.h"
#include "xen-memory.h"

#define NO_SUCH_DOMAIN 0x1234
#define HOST_DOMAIN 0
#define BAD_REF 0x7fffffff
#define MANY_COPIES 300

static uint8_t source[PAGE_SIZE] ZEROED_PAGES;
static uint8_t target[PAGE_SIZE] ZEROED_PAGES;
/* Frames that a mapping may replace. */
static uint8_t windows[2][PAGE_SIZE] ZEROED_PAGES;
static unsigned domid;

static void expect_status(const char *name, int16_t status, int expected) {
  check_equal(name, (uint16_t)status, (uint16_t)expected);
}

static void fill(uint8_t *page, uint8_t seed) {
  for (uint32_t i = 0; i < PAGE_SIZE; i++) page[i] = (uint8_t)(i * 7 + i / 256 + seed);
}

static void check_sizes(void) {
  struct gnttab_query_size query = {DOMID_SELF, 0, 0, -99};
  expect("query-size", grant_operation(GNTTABOP_QUERY_SIZE, &query, 1), 0);
  expect_status("query-size-status", query.status, GNTST_OKAY);
  expect_at_least("query-size-frames", query.nr_frames, 1);
  expect_at_least("query-size-limit", query.max_nr_frames, GRANT_FRAMES);
  query.dom = (uint16_t)domid;
  grant_operation(GNTTABOP_QUERY_SIZE, &query, 1);
  expect_status("query-size-own-id", query.status, GNTST_OKAY);
  query.dom = NO_SUCH_DOMAIN;
  expect("query-size-no-domain", grant_operation(GNTTABOP_QUERY_SIZE, &query, 1), 0);
  expect_status("query-size-no-domain-status", query.status, GNTST_BAD_DOMAIN);
  query.dom = HOST_DOMAIN;
  grant_operation(GNTTABOP_QUERY_SIZE, &query, 1);
  expect_status("query-size-host", query.status, GNTST_PERMISSION_DENIED);
  expect("query-size-two", grant_operation(GNTTABOP_QUERY_SIZE, &query, 2), XEN_EINVAL);
  expect("query-size-none", grant_operation(GNTTABOP_QUERY_SIZE, &query, 0), XEN_EINVAL);
  expect("query-size-pointer", grant_operation(GNTTABOP_QUERY_SIZE, BAD_POINTER, 1), XEN_EFAULT);
}

static void check_versions(void) {
  struct gnttab_set_version set = {1};
  struct gnttab_get_version get = {DOMID_SELF, 0, 99};
  expect("set-version-pointer", grant_operation(GNTTABOP_SET_VERSION, BAD_POINTER, 1), XEN_EFAULT);
  expect("set-version", grant_operation(GNTTABOP_SET_VERSION, &set, 1), 0);
  set.version = 2;
  long result = grant_operation(GNTTABOP_SET_VERSION, &set, 1);
  if (real_xen()) {
    /* Xen has it, and lets a domain change back (gnttab=max-ver:1 and xl's max_grant_version aside). */
    expect("set-version-2", result, 0);
    expect("get-version-2", grant_operation(GNTTABOP_GET_VERSION, &get, 1), 0);
    check_equal("get-version-is-2", get.version, 2);
    set.version = 1;
    expect("set-version-back", grant_operation(GNTTABOP_SET_VERSION, &set, 1), 0);
  } else {
    check("set-version-2", result < 0, (uint32_t)result, "an error: only version 1 is there");
  }
  set.version = 3;
  expect("set-version-3", grant_operation(GNTTABOP_SET_VERSION, &set, 1), XEN_EINVAL);
  expect("get-version", grant_operation(GNTTABOP_GET_VERSION, &get, 1), 0);
  check_equal("get-version-is", get.version, 1);
  get.dom = NO_SUCH_DOMAIN;
  expect("get-version-no-domain", grant_operation(GNTTABOP_GET_VERSION, &get, 1), XEN_ESRCH);
  get.dom = HOST_DOMAIN;
  expect("get-version-host", grant_operation(GNTTABOP_GET_VERSION, &get, 1), XEN_EPERM);
}

static void check_setup_table(void) {
  unsigned long list[GRANT_FRAMES + 1] = {0};
  struct gnttab_setup_table setup = {DOMID_SELF, GRANT_FRAMES, -99, list};
  struct tally frames = {0};
  expect("setup-table", grant_operation(GNTTABOP_SETUP_TABLE, &setup, 1), 0);
  expect_status("setup-table-status", setup.status, GNTST_OKAY);
  for (unsigned i = 0; i < GRANT_FRAMES; i++)
    tally_item(&frames, i, list[i], frame_of(grant_table) + i);
  check_tally("setup-table-frames", &frames);
  check_equal("setup-table-no-more", list[GRANT_FRAMES], 0);
  setup.nr_frames = 0x10000;
  grant_operation(GNTTABOP_SETUP_TABLE, &setup, 1);
  expect_status("setup-table-too-many", setup.status, GNTST_GENERAL_ERROR);
  setup = (struct gnttab_setup_table){NO_SUCH_DOMAIN, 1, -99, list};
  grant_operation(GNTTABOP_SETUP_TABLE, &setup, 1);
  expect_status("setup-table-no-domain", setup.status, GNTST_BAD_DOMAIN);
  setup.dom = HOST_DOMAIN;
  grant_operation(GNTTABOP_SETUP_TABLE, &setup, 1);
  expect_status("setup-table-host", setup.status, GNTST_PERMISSION_DENIED);
  expect("setup-table-two", grant_operation(GNTTABOP_SETUP_TABLE, &setup, 2), XEN_EINVAL);
}

/* What the toolstack put into the first entries: the console's and the store's pages, for domain 0. */
static void check_reserved(void) {
  struct tally flags = {0};
  for (uint32_t ref = 0; ref < 2; ref++) {
    tally_item(&flags, ref, grant_table[ref].flags & ~(GTF_READING | GTF_WRITING), GTF_PERMIT_ACCESS);
    tally_item(&flags, ref, grant_table[ref].domid, HOST_DOMAIN);
  }
  check_tally("reserved-entries", &flags);
  check("reserved-frames", grant_table[0].frame && grant_table[1].frame && grant_table[0].frame != grant_table[1].frame,
        grant_table[1].frame, "two frames");
}

static struct gnttab_copy copy_of(uint32_t ref, const void *to, uint16_t length) {
  struct gnttab_copy copy = {.len = length, .flags = GNTCOPY_SOURCE_GREF, .status = -99};
  copy.source.ref = ref;
  copy.source.domid = DOMID_SELF;
  copy.dest.gmfn = frame_of(to);
  copy.dest.domid = DOMID_SELF;
  return copy;
}

static int16_t copy(struct gnttab_copy operation) {
  static struct gnttab_copy argument;
  argument = operation;
  long result = grant_operation(GNTTABOP_COPY, &argument, 1);
  if (result) expect("copy", result, 0);
  return argument.status;
}

static void check_copies(void) {
  uint32_t ref = grant_access(domid, source, false), readonly = grant_access(domid, source, true);
  uint32_t foreign = grant_access(domid + 1, source, false);
  uint32_t absent = grant_frame(domid, ABSENT_FRAME, false);
  struct gnttab_copy operation = copy_of(ref, target, PAGE_SIZE);
  fill(source, 1);
  expect_status("copy-page", copy(operation), GNTST_OKAY);
  check_equal("copy-page-bytes", crc32(target, PAGE_SIZE), crc32(source, PAGE_SIZE));
  check_equal("copy-unmarks", grant_in_use(ref), false);

  memset(target, 0, PAGE_SIZE);
  operation.len = 100;
  operation.source.offset = 3001;
  operation.dest.offset = 17;
  expect_status("copy-part", copy(operation), GNTST_OKAY);
  check_equal("copy-part-bytes", (uint32_t)memcmp(target + 17, source + 3001, 100), 0);
  check_equal("copy-part-no-more", target[16] | target[117], 0);

  operation = copy_of(readonly, target, PAGE_SIZE);
  expect_status("copy-read-only", copy(operation), GNTST_OKAY);
  operation = (struct gnttab_copy){.len = 16, .flags = GNTCOPY_DEST_GREF};
  operation.source.gmfn = frame_of(target);
  operation.source.domid = operation.dest.domid = DOMID_SELF;
  operation.dest.ref = ref;
  memset(target, 0xa5, 16);
  expect_status("copy-to-grant", copy(operation), GNTST_OKAY);
  check_equal("copy-to-grant-bytes", (uint32_t)memcmp(source, target, 16), 0);
  operation.dest.ref = readonly;
  expect_status("copy-to-read-only", copy(operation), GNTST_GENERAL_ERROR);
  check_equal("copy-to-read-only-unmarks", grant_in_use(readonly), false);

  operation = copy_of(foreign, target, 16);
  expect_status("copy-for-other-domain", copy(operation), GNTST_GENERAL_ERROR);
  operation = copy_of(absent, target, 16);
  expect_status("copy-absent-frame", copy(operation), GNTST_BAD_PAGE);
  check_equal("copy-absent-unmarks", grant_in_use(absent), false);
  operation = copy_of(GRANT_ENTRIES - 1, target, 16);
  expect_status("copy-no-grant", copy(operation), GNTST_GENERAL_ERROR);
  operation = copy_of(BAD_REF, target, 16);
  expect_status("copy-bad-ref", copy(operation), GNTST_BAD_GNTREF);
  operation = copy_of(ref, target, 16);
  operation.dest.gmfn = ABSENT_FRAME;
  expect_status("copy-to-absent", copy(operation), GNTST_BAD_PAGE);
  check_equal("copy-failed-unmarks", grant_in_use(ref), false);
  operation = copy_of(ref, target, 97);
  operation.source.offset = 4000;
  expect_status("copy-source-crosses", copy(operation), GNTST_BAD_COPY_ARG);
  operation = copy_of(ref, target, 97);
  operation.dest.offset = 4000;
  expect_status("copy-target-crosses", copy(operation), GNTST_BAD_COPY_ARG);
  operation = copy_of(ref, target, 0xffff);
  expect_status("copy-long", copy(operation), GNTST_BAD_COPY_ARG);
  operation = copy_of(BAD_REF, target, 0);
  /* Xen looks at the reference even so. */
  expect_status("copy-nothing", copy(operation), real_xen() ? GNTST_BAD_GNTREF : GNTST_OKAY);
  operation = copy_of(ref, target, 16);
  operation.source.domid = NO_SUCH_DOMAIN;
  expect_status("copy-no-domain", copy(operation), GNTST_BAD_DOMAIN);
  operation = copy_of(ref, target, 16);
  operation.dest.domid = HOST_DOMAIN;
  expect_status("copy-frame-of-host", copy(operation), GNTST_PERMISSION_DENIED);
  check("grants-end", grant_end(ref) && grant_end(readonly) && grant_end(foreign) && grant_end(absent), grants_used(),
        "none in use");
}

/* More operations than are done without a look around. */
static void check_many(void) {
  static struct gnttab_copy copies[MANY_COPIES];
  struct tally statuses = {0}, bytes = {0};
  uint32_t ref = grant_access(domid, source, false);
  fill(source, 9);
  memset(target, 0, PAGE_SIZE);
  for (uint32_t i = 0; i < MANY_COPIES; i++) {
    copies[i] = copy_of(i % 3 == 2 ? BAD_REF : ref, target, 8);
    copies[i].source.offset = copies[i].dest.offset = (uint16_t)(i * 8);
  }
  expect("copy-many", grant_operation(GNTTABOP_COPY, copies, MANY_COPIES), 0);
  for (uint32_t i = 0; i < MANY_COPIES; i++) {
    tally_item(&statuses, i, (uint16_t)copies[i].status, i % 3 == 2 ? (uint16_t)GNTST_BAD_GNTREF : 0);
    tally_item(&bytes, i, target[i * 8 + 5], i % 3 == 2 ? 0 : source[i * 8 + 5]);
  }
  check_tally("copy-many-statuses", &statuses);
  check_tally("copy-many-bytes", &bytes);
  expect("copy-none", grant_operation(GNTTABOP_COPY, copies, 0), 0);
  expect("copy-pointer", grant_operation(GNTTABOP_COPY, BAD_POINTER, 1), XEN_EFAULT);
  long result = grant_operation(GNTTABOP_COPY, BAD_POINTER, 0x80000000);
  check("copy-count", result == XEN_EINVAL || result == XEN_EFAULT, (uint32_t)result, "an error");
  grant_end(ref);
}

static struct gnttab_map_grant_ref map(uint32_t ref, unsigned dom, uint32_t flags, unsigned window) {
  static struct gnttab_map_grant_ref argument;
  argument = (struct gnttab_map_grant_ref){
      .host_addr = physical_address(windows[window]), .flags = flags, .ref = ref, .dom = (uint16_t)dom, .status = -99};
  long result = grant_operation(GNTTABOP_MAP_GRANT_REF, &argument, 1);
  if (result) expect("map", result, 0);
  return argument;
}

static int16_t unmap(uint32_t handle, uint64_t address) {
  static struct gnttab_unmap_grant_ref argument;
  argument = (struct gnttab_unmap_grant_ref){.host_addr = address, .handle = handle, .status = -99};
  long result = grant_operation(GNTTABOP_UNMAP_GRANT_REF, &argument, 1);
  if (result) expect("unmap", result, 0);
  return argument.status;
}

/*
 * A page that a domain has mapped for itself, as only this guest does. Xen has no frame in two places of an HVM container's
 * memory (guest_physmap_add_entry: "aliased"): mapping moves the page, and unmapping leaves none.
 */
static void check_moved(const char *name) {
  if (real_xen()) check_equal(name, *(volatile uint32_t *)source, 0xffffffff);
}

/* Makes `source` a page again, with `word` at its beginning. */
static void restore_source(uint32_t word) {
  unsigned long frame = frame_of(source);
  struct xen_memory_reservation reservation = {&frame, 1, 0, 0, DOMID_SELF};
  if (!real_xen()) return;
  expect("source-populates", hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_POPULATE_PHYSMAP, &reservation), 1);
  *(volatile uint32_t *)source = word;
}

static void check_maps(void) {
  uint32_t ref = grant_access(domid, source, false), readonly = grant_access(domid, source, true);
  volatile uint32_t *seen = (volatile uint32_t *)windows[0];
  volatile uint32_t *real = (volatile uint32_t *)source;
  *real = 0x11111111;
  struct gnttab_map_grant_ref first = map(ref, domid, GNTMAP_HOST_MAP, 0);
  expect_status("map", first.status, GNTST_OKAY);
  if (first.status) return;
  check_equal("map-shows", *seen, 0x11111111);
  check_moved("map-moves");
  *seen = 0x22222222;
  if (!real_xen()) check_equal("map-writes", *real, 0x22222222);
  check_equal("map-marks", grant_table[ref].flags, GTF_PERMIT_ACCESS | GTF_READING | GTF_WRITING);
  struct gnttab_map_grant_ref second = map(ref, domid, GNTMAP_HOST_MAP, 1);
  expect_status("map-twice", second.status, GNTST_OKAY);
  check("map-handles", first.handle != second.handle, second.handle, "different handles");
  check_equal("map-twice-shows", *(volatile uint32_t *)windows[1], 0x22222222);

  expect_status("unmap-wrong-place", unmap(first.handle, physical_address(target)), GNTST_GENERAL_ERROR);
  expect_status("unmap-second", unmap(second.handle, physical_address(windows[1])), GNTST_OKAY);
  check_equal("unmap-still-marked", grant_in_use(ref), true);
  check_equal("unmap-left", *seen, 0x22222222);
  expect_status("unmap", unmap(first.handle, physical_address(windows[0])), GNTST_OKAY);
  check_equal("unmap-unmarks", grant_in_use(ref), false);
  expect_status("unmap-again", unmap(first.handle, physical_address(windows[0])), GNTST_BAD_HANDLE);
  expect_status("unmap-bad-handle", unmap(0xffffffff, physical_address(windows[0])), GNTST_BAD_HANDLE);

  check_moved("unmap-leaves-none");
  restore_source(0x22222222);
  expect_status("map-write-read-only", map(readonly, domid, GNTMAP_HOST_MAP, 0).status, GNTST_GENERAL_ERROR);
  first = map(readonly, domid, GNTMAP_HOST_MAP | GNTMAP_READONLY, 0);
  expect_status("map-read-only", first.status, GNTST_OKAY);
  check_equal("map-read-only-marks", grant_table[readonly].flags, GTF_PERMIT_ACCESS | GTF_READONLY | GTF_READING);
  check_equal("map-read-only-shows", *seen, 0x22222222);
  expect_status("unmap-read-only", unmap(first.handle, physical_address(windows[0])), GNTST_OKAY);
  check_equal("unmap-read-only-unmarks", grant_in_use(readonly), false);
  restore_source(0);
  check("map-grants-end", grant_end(ref) && grant_end(readonly), grants_used(), "none in use");
}

static void check_refused_maps(void) {
  uint32_t ref = grant_access(domid, source, false), absent = grant_frame(domid, ABSENT_FRAME, false);
  expect_status("map-no-kind", map(ref, domid, 0, 0).status, GNTST_BAD_GNTREF);
  expect_status("map-device", map(ref, domid, GNTMAP_HOST_MAP | GNTMAP_DEVICE_MAP, 0).status, GNTST_GENERAL_ERROR);
  expect_status("map-entry", map(ref, domid, GNTMAP_HOST_MAP | GNTMAP_CONTAINS_PTE, 0).status, GNTST_GENERAL_ERROR);
  expect_status("map-no-domain", map(ref, NO_SUCH_DOMAIN, GNTMAP_HOST_MAP, 0).status, GNTST_BAD_DOMAIN);
  expect_status("map-bad-ref", map(BAD_REF, domid, GNTMAP_HOST_MAP, 0).status, GNTST_BAD_GNTREF);
  expect_status("map-no-grant", map(GRANT_ENTRIES - 1, domid, GNTMAP_HOST_MAP, 0).status, GNTST_GENERAL_ERROR);
  expect_status("map-absent-frame", map(absent, domid, GNTMAP_HOST_MAP, 0).status, GNTST_BAD_PAGE);
  check_equal("map-refused-unmarks", grant_in_use(ref) || grant_in_use(absent), false);
  grant_end(ref);
  grant_end(absent);
}

static void check_swap(void) {
  uint32_t a = grant_access(domid, source, false), b = grant_access(domid, target, true);
  struct gnttab_swap_grant_ref swap = {a, b, -99};
  expect("swap", grant_operation(GNTTABOP_SWAP_GRANT_REF, &swap, 1), 0);
  expect_status("swap-status", swap.status, GNTST_OKAY);
  check_equal("swapped-frame", grant_table[a].frame, frame_of(target));
  check_equal("swapped-flags", grant_table[b].flags, GTF_PERMIT_ACCESS);
  swap.ref_b = BAD_REF;
  grant_operation(GNTTABOP_SWAP_GRANT_REF, &swap, 1);
  expect_status("swap-bad-ref", swap.status, GNTST_BAD_GNTREF);
  struct gnttab_map_grant_ref used = map(b, domid, GNTMAP_HOST_MAP, 1);
  swap.ref_b = b;
  grant_operation(GNTTABOP_SWAP_GRANT_REF, &swap, 1);
  expect_status("swap-in-use", swap.status, GNTST_EAGAIN);
  expect_status("swap-unmap", unmap(used.handle, physical_address(windows[1])), GNTST_OKAY);
  grant_end(a);
  grant_end(b);
}

static void check_refused(void) {
  static uint8_t argument[64];
  static const uint8_t refused[] = {GNTTABOP_DUMP_TABLE, GNTTABOP_TRANSFER, GNTTABOP_UNMAP_AND_REPLACE,
                                    GNTTABOP_GET_STATUS_FRAMES, GNTTABOP_CACHE_FLUSH, 13, 200};
  for (uint32_t i = 0; i < sizeof refused; i++)
    expect("refused", grant_operation(refused[i], argument, 1), XEN_ENOSYS);
}

/* The table moves with add_to_physmap; its entries stay. */
static void check_growth(void) {
  struct gnttab_query_size query = {.dom = DOMID_SELF};
  struct xen_add_to_physmap place = {DOMID_SELF, 0, XENMAPSPACE_GRANT_TABLE, 0x10000, frame_of(windows[0])};
  expect("place-beyond-limit", hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place), XEN_EINVAL);
  grant_operation(GNTTABOP_QUERY_SIZE, &query, 1);
  check_equal("frames-as-placed", query.nr_frames, GRANT_FRAMES);
  uint32_t ref = grant_access(domid, source, false);
  place.idx = 0;
  expect("place-elsewhere", hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place), 0);
  const volatile struct grant_entry *moved = (const volatile struct grant_entry *)windows[0];
  check_equal("moved-entry", moved[ref].frame, frame_of(source));
  place.gpfn = frame_of(grant_table);
  expect("place-back", hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place), 0);
  check_equal("entry-is-back", grant_table[ref].frame, frame_of(source));
  grant_end(ref);
}

_Noreturn void guest_main(void) {
  events_init();
  domid = own_domid();
  check("domid", domid > 0 && domid < DOMID_SELF, domid, "a domain id");
  grants_init();
  check_sizes();
  check_versions();
  check_setup_table();
  check_reserved();
  check_copies();
  check_many();
  check_maps();
  check_refused_maps();
  check_swap();
  check_refused();
  check_growth();
  finish();
}
