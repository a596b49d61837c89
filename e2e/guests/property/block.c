/*
 * The front end of every block device there is: reads, writes, flushes, discards, what is refused, closing and connecting
 * again with more of what the back end offers. Words of the image: `word(sector, i)` below; the upper half is written.
 * `disks=N sectors=N` on the command line say what there should be; `attack=ring` breaks the protocol at the end.
 */
#include "block-front.h"
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "expect.h"
#include "grants.h"
#include "hypercall.h"
#include "text.h"
#include "wait.h"
#include "words.h"
#include "xenstore.h"

#define MAX_DISKS 16
#define WORDS_PER_SECTOR (SECTOR_SIZE / 4)
#define WRITTEN 0x5a5a5a5au
/* Sectors that are read or written at a time without indirect segments. */
#define DIRECT_SECTORS (BLKIF_SEGMENTS * SECTORS_PER_PAGE)
/* Of the regions that are written and discarded. */
#define REGION_SECTORS 64
#define BAD_REF 0x7fffffff

static uint8_t indirect_page[PAGE_SIZE] ZEROED_PAGES;
static uint8_t readonly_page[PAGE_SIZE] ZEROED_PAGES;

static uint32_t word(uint64_t sector, uint32_t i) {
  return (uint32_t)sector * 0x9e3779b1u + i * 0x85ebca6bu + 1;
}

static uint32_t *page_words(uint32_t sector_of_pages) {
  return (uint32_t *)((uint8_t *)block_pages + sector_of_pages * SECTOR_SIZE);
}

/* `count` sectors in block_pages, from `at` on, as the image has them from `sector` on. */
static void tally_sectors(struct tally *tally, uint32_t at, uint64_t sector, uint32_t count, uint32_t salt) {
  for (uint32_t s = 0; s < count; s++)
    for (uint32_t i = 0; i < WORDS_PER_SECTOR; i += 31)
      tally_item(tally, sector + s, page_words(at + s)[i], word(sector + s, i) + salt);
}

static void check_sectors(const char *name, uint32_t at, uint64_t sector, uint32_t count, uint32_t salt) {
  struct tally tally = {0};
  tally_sectors(&tally, at, sector, count, salt);
  check_tally(name, &tally);
}

static void fill_sectors(uint64_t sector, uint32_t count, uint32_t salt) {
  for (uint32_t s = 0; s < count; s++)
    for (uint32_t i = 0; i < WORDS_PER_SECTOR; i++) page_words(s)[i] = word(sector + s, i) + salt;
}

static void clear_pages(void) {
  memset(block_pages, 0xee, sizeof block_pages);
}

static int transfer(struct block_device *device, uint8_t operation, uint64_t sector, uint32_t count) {
  union blkif_entry entry = block_request(device, operation, sector, 0, count);
  return block_call(&device->queues[0], &entry);
}

static void expect_read(const char *name, struct block_device *device, uint64_t sector, uint32_t count, uint32_t salt) {
  clear_pages();
  expect(name, transfer(device, BLKIF_OP_READ, sector, count), BLKIF_RSP_OKAY);
  check_sectors(name, 0, sector, count, salt);
}

static void check_reads(struct block_device *device) {
  expect_read("read-first", device, 0, 1, 0);
  expect_read("read-page", device, 8, 8, 0);
  expect_read("read-unaligned", device, 13, 10, 0);
  expect_read("read-most", device, 100, DIRECT_SECTORS, 0);
  expect_read("read-last", device, device->sectors - 1, 1, 0);

  /* Parts of pages, in one request: the bytes around them stay. */
  union blkif_entry entry = block_request(device, BLKIF_OP_READ, 40, 0, 16);
  entry.request.segments[0].first_sect = 3;
  entry.request.segments[0].last_sect = 5;
  entry.request.segments[1].first_sect = 7;
  clear_pages();
  expect("read-parts", block_call(&device->queues[0], &entry), BLKIF_RSP_OKAY);
  check_sectors("read-parts-first", 3, 40, 3, 0);
  check_sectors("read-parts-second", 15, 43, 1, 0);
  check_equal("read-parts-around", page_words(2)[127] & page_words(6)[0] & page_words(14)[127], 0xeeeeeeee);
}

/* As many requests as the ring holds, at places in no order. */
static void check_depth(struct block_device *device, struct block_queue *queue) {
  struct tally statuses = {0}, data = {0};
  uint64_t at[BLOCK_PAGES];
  uint32_t depth = queue->entries < BLOCK_PAGES ? queue->entries : BLOCK_PAGES;
  clear_pages();
  for (uint32_t i = 0; i < depth; i++) {
    at[i] = i * 0x9e3779b1u % ((uint32_t)device->sectors / 2 - SECTORS_PER_PAGE);
    union blkif_entry entry = block_request(device, BLKIF_OP_READ, at[i], i, SECTORS_PER_PAGE);
    entry.request.id = i;
    block_put(queue, &entry);
  }
  block_push(queue);
  bool seen[BLOCK_PAGES] = {false};
  for (uint32_t i = 0; i < depth; i++) {
    struct blkif_response response = {~0ull, 0, 99};
    if (!block_take(queue, &response)) break;
    bool known = response.id < depth && !seen[response.id];
    tally_item(&statuses, response.id, known ? (uint16_t)response.status : 0xffff, BLKIF_RSP_OKAY);
    if (known) seen[response.id] = true;
  }
  check_equal("depth-responses", statuses.items, depth);
  check_tally("depth-statuses", &statuses);
  for (uint32_t i = 0; i < depth; i++) tally_sectors(&data, i * SECTORS_PER_PAGE, at[i], SECTORS_PER_PAGE, 0);
  check_tally("depth-data", &data);
}

static void check_writes(struct block_device *device) {
  uint64_t sector = device->sectors / 2;
  fill_sectors(sector, REGION_SECTORS, WRITTEN);
  expect("write", transfer(device, BLKIF_OP_WRITE, sector, REGION_SECTORS), BLKIF_RSP_OKAY);
  expect_read("written", device, sector, REGION_SECTORS, WRITTEN);
  expect_read("write-before", device, sector - 8, 8, 0);
  expect_read("write-behind", device, sector + REGION_SECTORS, 8, 0);
  /* One sector in the middle of a page, and back. */
  fill_sectors(sector + 5, 1, 7);
  expect("write-sector", transfer(device, BLKIF_OP_WRITE, sector + 5, 1), BLKIF_RSP_OKAY);
  expect_read("written-sector", device, sector + 5, 1, 7);
  expect_read("write-sector-before", device, sector + 4, 1, WRITTEN);
  fill_sectors(sector + 5, 1, WRITTEN);
  expect("write-sector-back", transfer(device, BLKIF_OP_WRITE, sector + 5, 1), BLKIF_RSP_OKAY);
}

static void check_flush(struct block_device *device) {
  check("feature-flush", device->flush || device->barrier, device->flush, "flush or barrier");
  if (device->flush) expect("flush", transfer(device, BLKIF_OP_FLUSH_DISKCACHE, 0, 0), BLKIF_RSP_OKAY);
  if (!device->barrier) return;
  fill_sectors(device->sectors / 2, 8, WRITTEN);
  expect("barrier", transfer(device, BLKIF_OP_WRITE_BARRIER, device->sectors / 2, 8), BLKIF_RSP_OKAY);
  expect("barrier-empty", transfer(device, BLKIF_OP_WRITE_BARRIER, 0, 0), BLKIF_RSP_OKAY);
}

static int discard(struct block_device *device, uint64_t sector, uint64_t count) {
  union blkif_entry entry;
  memset(&entry, 0, sizeof entry);
  entry.discard = (struct blkif_request_discard){BLKIF_OP_DISCARD, 0, (uint16_t)device->frontend.id, 0, sector, count};
  return block_call(&device->queues[0], &entry);
}

static void check_discard(struct block_device *device) {
  uint64_t sector = device->sectors / 4 * 3;
  if (!device->discard) {
    expect("discard-refused", discard(device, sector, REGION_SECTORS), BLKIF_RSP_EOPNOTSUPP);
    return;
  }
  expect("discard", discard(device, sector, REGION_SECTORS), BLKIF_RSP_OKAY);
  expect_read("discard-before", device, sector - 8, 8, 0);
  expect_read("discard-behind", device, sector + REGION_SECTORS, 8, 0);
  expect("discard-beyond", discard(device, device->sectors - 1, 2), BLKIF_RSP_ERROR);
  expect("discard-overflow", discard(device, sector, ~0ull - 10), BLKIF_RSP_ERROR);
}

static void check_read_only(struct block_device *device) {
  uint64_t sector = device->sectors / 2;
  fill_sectors(sector, 8, WRITTEN);
  expect("write-refused", transfer(device, BLKIF_OP_WRITE, sector, 8), BLKIF_RSP_ERROR);
  check("discard-read-only", discard(device, sector, 8) < 0, 0, "an error");
  expect_read("read-only-same", device, sector, 8, 0);
}

static void expect_refused(const char *name, struct block_device *device, union blkif_entry entry) {
  expect(name, block_call(&device->queues[0], &entry), BLKIF_RSP_ERROR);
}

/* It has requests for nothing succeed, and loses the uppermost bits of a sector's number. */
static bool is_of_qemu(struct block_device *device) {
  const char *type = backend_read(&device->frontend, "type");
  return type && text_is(type, "qdisk");
}

static void check_refused(struct block_device *device) {
  int16_t careless = is_of_qemu(device) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
  union blkif_entry entry = block_request(device, BLKIF_OP_READ, device->sectors, 0, 1);
  expect_refused("read-beyond", device, entry);
  expect_refused("read-across-end", device, block_request(device, BLKIF_OP_READ, device->sectors - 1, 0, 2));
  expect_refused("read-far", device, block_request(device, BLKIF_OP_READ, ~0ull, 0, 1));
  entry = block_request(device, BLKIF_OP_READ, 1ull << 55, 0, 8);
  expect("read-overflow", block_call(&device->queues[0], &entry), careless);
  expect_refused("write-beyond", device, block_request(device, BLKIF_OP_WRITE, device->sectors, 0, 1));
  entry = block_request(device, BLKIF_OP_READ, 0, 0, 8);
  entry.request.nr_segments = 0;
  expect("no-segments", block_call(&device->queues[0], &entry), careless);
  entry.request.nr_segments = BLKIF_SEGMENTS + 1;
  expect_refused("too-many-segments", device, entry);
  entry = block_request(device, BLKIF_OP_READ, 0, 0, 8);
  entry.request.segments[0].last_sect = 8;
  expect_refused("segment-beyond-page", device, entry);
  entry.request.segments[0].first_sect = 6;
  entry.request.segments[0].last_sect = 5;
  expect_refused("segment-backwards", device, entry);
  entry = block_request(device, BLKIF_OP_READ, 0, 0, 8);
  entry.request.segments[0].gref = BAD_REF;
  expect_refused("bad-ref", device, entry);
  uint32_t readonly = grant_access(device->frontend.backend_domid, readonly_page, true);
  entry.request.segments[0].gref = readonly;
  expect_refused("read-into-read-only", device, entry);
  check("read-only-page-same", *(uint32_t *)readonly_page == 0 && grant_end(readonly), 0, "unchanged, not in use");
  uint32_t absent = grant_frame(device->frontend.backend_domid, ABSENT_FRAME, false);
  entry.request.segments[0].gref = absent;
  expect_refused("absent-frame", device, entry);
  check_equal("absent-frame-ends", grant_end(absent), true);
  entry = block_request(device, 77, 0, 0, 8);
  int status = block_call(&device->queues[0], &entry);
  check("unknown-operation", status == BLKIF_RSP_EOPNOTSUPP || status == BLKIF_RSP_ERROR, (uint16_t)status, "an error");
  expect_read("read-after-errors", device, 3, 8, 0);
}

static union blkif_entry indirect_entry(struct block_device *device, uint32_t ref, uint8_t operation, uint64_t sector,
                                        uint32_t segments) {
  union blkif_entry entry;
  struct blkif_segment *list = (struct blkif_segment *)indirect_page;
  memset(&entry, 0, sizeof entry);
  entry.indirect = (struct blkif_request_indirect){.operation = BLKIF_OP_INDIRECT,
                                                   .indirect_op = operation,
                                                   .nr_segments = (uint16_t)segments,
                                                   .sector = sector,
                                                   .handle = (uint16_t)device->frontend.id};
  entry.indirect.grefs[0] = ref;
  for (uint32_t i = 0; i < BLOCK_PAGES; i++)
    list[i] = (struct blkif_segment){device->page_refs[i], 0, SECTORS_PER_PAGE - 1};
  return entry;
}

static void check_indirect(struct block_device *device) {
  check("feature-indirect", device->max_indirect == 0 || device->max_indirect > BLKIF_SEGMENTS, device->max_indirect,
        "more than without, or none");
  if (!device->max_indirect) return;
  uint32_t segments = device->max_indirect < BLOCK_PAGES ? device->max_indirect : BLOCK_PAGES;
  uint32_t ref = grant_access(device->frontend.backend_domid, indirect_page, true);
  union blkif_entry entry = indirect_entry(device, ref, BLKIF_OP_READ, 3, segments);
  clear_pages();
  expect("indirect-read", block_call(&device->queues[0], &entry), BLKIF_RSP_OKAY);
  check_sectors("indirect-data", 0, 3, segments * SECTORS_PER_PAGE, 0);
  entry = indirect_entry(device, ref, BLKIF_OP_READ, 0, 0);
  expect_refused("indirect-none", device, entry);
  entry = indirect_entry(device, ref, BLKIF_OP_READ, 0, 5000);
  expect_refused("indirect-too-many", device, entry);
  entry = indirect_entry(device, ref, BLKIF_OP_INDIRECT, 0, 4);
  expect_refused("indirect-in-indirect", device, entry);
  entry = indirect_entry(device, BAD_REF, BLKIF_OP_READ, 0, 4);
  expect_refused("indirect-bad-page", device, entry);
  entry = indirect_entry(device, ref, BLKIF_OP_READ, 0, 4);
  ((struct blkif_segment *)indirect_page)[3].gref = BAD_REF;
  expect_refused("indirect-bad-segment", device, entry);
  check_equal("indirect-page-ends", grant_end(ref), true);
}

static void check_contents(struct block_device *device) {
  check_reads(device);
  check_depth(device, &device->queues[0]);
  if (device->info & VDISK_READONLY)
    check_read_only(device);
  else {
    check_writes(device);
    check_flush(device);
    check_discard(device);
  }
}

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static void check_disk(uint32_t id) {
  struct block_device device;
  print("disk ");
  print_decimal(id);
  put_char('\n');
  if (!block_offer(&device, id) || !block_connect(&device, (struct block_settings){0, 1, false})) return;
  uint64_t sectors = 0;
  if (option_number(boot()->cmdline, "sectors", &sectors)) check_equal("sectors", device.sectors, sectors);
  const char *mode = backend_read(&device.frontend, "mode");
  check("mode", mode && text_is(mode, device.info & VDISK_READONLY ? "r" : "w"), device.info, "as the info bits say");
  check_contents(&device);
  check_refused(&device);
  check_indirect(&device);
  if (!block_close(&device)) return;

  /* What was not used the first time. */
  if (!block_offer(&device, id)) return;
  struct block_settings more = {smaller(device.max_order, BLOCK_MAX_ORDER), smaller(device.max_queues, 2),
                                device.persistent};
  check("more-queues", more.queues >= 1, more.queues, "at least one");
  if (!block_connect(&device, more)) return;
  for (uint32_t i = 0; i < more.queues; i++) check_depth(&device, &device.queues[i]);
  for (uint32_t i = 0; i < 3; i++) expect_read("read-persistent", &device, 7 + i, 16, 0);
  if (!(device.info & VDISK_READONLY)) check_writes(&device);
  block_close(&device);
}

/* More requests than the ring has room for: the back end must see it, and shut this device. */
static void attack_ring(uint32_t id) {
  struct block_device device;
  if (!block_offer(&device, id) || !block_connect(&device, (struct block_settings){0, 1, false})) return;
  struct block_queue *queue = &device.queues[0];
  queue->ring->header.req_prod = queue->entries * 3 + 5;
  event_send(queue->port);
  enum xenbus_state state =
      backend_await(&device.frontend, STATE_BIT(XENBUS_CLOSING) | STATE_BIT(XENBUS_CLOSED), 10 * SECOND);
  check("attack-closes", state == XENBUS_CLOSING || state == XENBUS_CLOSED, state, "Closing or Closed");
}

_Noreturn void guest_main(void) {
  uint32_t ids[MAX_DISKS];
  uint64_t disks = 0;
  events_init();
  grants_init();
  if (!store_init()) {
    check("store", false, 0, "a ring and a port");
    finish();
  }
  wait_by_halting();
  uint32_t count = xenbus_list("vbd", ids, MAX_DISKS);
  if (option_number(boot()->cmdline, "disks", &disks)) check_equal("disks", count, disks);
  for (uint32_t i = 0; i < count; i++) check_disk(ids[i]);
  if (count && option_is(boot()->cmdline, "attack", "ring")) attack_ring(ids[0]);
  finish();
}
