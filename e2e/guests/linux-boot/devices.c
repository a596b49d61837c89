/* The console, grants behind a balloon, and what the kernel asks the store at boot. */
#include "clock.h"
#include "console.h"
#include "events.h"
#include "hypercall.h"
#include "interrupts.h"
#include "linux.h"
#include "pv-console.h"
#include "pv-start-info.h"
#include "text.h"
#include "verdict.h"
#include "words.h"
#include "xen-grant.h"
#include "xen-memory.h"
#include "xenstore.h"

#define CHUNK 16
#define MAX_GRANT_FRAMES 128
#define FRAMES_AT_FIRST 1
#define FRAMES_GROWN 4
#define RING_TIMEOUT (30 * SECOND)

static unsigned long balloon[MAX_GRANT_FRAMES];
/* Pages that the kernel can do without, to be given away. */
static uint8_t balloon_pages[MAX_GRANT_FRAMES][PAGE_SIZE] ZEROED_PAGES;

void console_init(void) {
  bug_on("console-port", !start_info->console_evtchn, 0);
  console_ring = frame_pointer(start_info->console_mfn);
  console_port = start_info->console_evtchn;
  console_print("Linux version ");
  console_print(linux_variant.release);
  console_print(", and a line that is much longer than the sixteen bytes that go into the ring at a time\n");
}

/* hvc_xen: 16 bytes and an event; yields while the ring is full. */
void console_print(const char *text) {
  uint32_t length = text_length(text, 4096);
  uint64_t deadline = clock_now() + RING_TIMEOUT;
  while (length) {
    uint32_t count = pv_console_put(text, length < CHUNK ? length : CHUNK);
    text += count;
    length -= count;
    if (!count) hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
    if (!count && clock_now() > deadline) bug_on("console-stuck", true, 0);
  }
}

/* The verdict comes another way, and is not to stand in the middle of a line. */
void console_flush(void) {
  uint64_t deadline = clock_now() + RING_TIMEOUT;
  while (console_ring->out_cons != console_ring->out_prod && clock_now() < deadline)
    hypercall(HYPERCALL_SCHED_OP, SCHEDOP_YIELD, 0, 0);
}

static void map_frame(unsigned idx) {
  struct xen_add_to_physmap place = {DOMID_SELF, 0, XENMAPSPACE_GRANT_TABLE, idx, balloon[idx]};
  long result = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place);
  bug_on("map-grant-frame", result != 0, result);
}

void grant_table_init(void) {
  struct gnttab_query_size query = {DOMID_SELF, 0, 0, 0};
  long result = hypercall(HYPERCALL_GRANT_TABLE_OP, GNTTABOP_QUERY_SIZE, (unsigned long)&query, 1);
  uint32_t frames = result < 0 || query.status != GNTST_OKAY ? 4 : query.max_nr_frames;
  check("grant-frames", frames >= FRAMES_GROWN && frames <= MAX_GRANT_FRAMES, frames, "4 to 128");
  if (frames > MAX_GRANT_FRAMES) frames = MAX_GRANT_FRAMES;
  for (uint32_t i = 0; i < frames; i++) balloon[i] = frame_of(balloon_pages[i]);
  struct xen_memory_reservation reservation = {balloon, frames, 0, 0, DOMID_SELF};
  result = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_DECREASE_RESERVATION, &reservation);
  bug_on("balloon-out", result != (long)frames, result);
  map_frame(0);
  volatile struct grant_entry *table = (volatile struct grant_entry *)balloon_pages[0];
  check_equal("grant-0-console", table[0].frame, start_info->console_mfn);
  check_equal("grant-1-store", table[1].frame, start_info->store_mfn);
  /* Growth: the highest index first. */
  for (unsigned idx = FRAMES_GROWN; idx-- > FRAMES_AT_FIRST;) map_frame(idx);
  table = (volatile struct grant_entry *)balloon_pages[FRAMES_GROWN - 1];
  table[5].frame = 0x1234;
  check_equal("grant-frame-writable", table[5].frame, 0x1234);
}

static void feature(const char *name) {
  store_write(0, name, "1");
  check_text("feature", store_error(), 16, "");
}

static void watch(const char *path) {
  struct store_event event = {"no event", ""};
  store_watch(path, path);
  check_text("watch", store_error(), 16, "");
  store_next_event(&event, 10 * SECOND);
  check_text("watch-event", event.path, sizeof event.path, path);
}

/* shutdown_handler: what the watch's first event makes it read. */
static void read_shutdown(void) {
  uint32_t tx = store_begin();
  bug_on("transaction", !tx, tx);
  const char *value = store_read(tx, "control/shutdown");
  check_text("control-shutdown", value ? value : store_error(), 64, "");
  check("transaction-end", store_end(tx, false), 0, "OK");
}

void xenbus_init(void) {
  bug_on("store-port", !start_info->store_evtchn, 0);
  store_ring = frame_pointer(start_info->store_mfn);
  store_port = start_info->store_evtchn;
  bind_evtchn_to_cpu(store_port, 0);
  unmask_port(store_port);
  bind_evtchn_to_cpu(console_port, 0);
  unmask_port(console_port);
  watch("cpu");
  const char *state = store_read(0, "cpu/0/availability");
  check("cpu-availability", state && text_is(state, "online"), state != NULL, "online");
  watch("control/shutdown");
  watch("control/sysrq");
  feature("control/feature-poweroff");
  feature("control/feature-reboot");
  feature("control/feature-suspend");
  store_ask(XS_DIRECTORY, 0, "backend");
  check("directory-backend", text_is(store_error(), "ENOENT") || !*store_error() || text_is(store_error(), "EACCES"), 0,
        "an answer");
  store_ask(XS_DIRECTORY, 0, "device");
  check_text("directory-device", store_error(), 16, "");
  watch("device");
  watch("memory/target");
  read_shutdown();
  check_equal("memory-target", store_read_number(0, "memory/target", 0), start_info->nr_pages * 4);
}
