#include "block-front.h"
#include "clock.h"
#include "events.h"
#include "expect.h"
#include "grants.h"
#include "hypercall.h"
#include "text.h"
#include "wait.h"
#include "words.h"
#include "xenstore.h"

#define STATE_TIMEOUT (20 * SECOND)
#define RESPONSE_TIMEOUT (20 * SECOND)
#define NO_RESPONSE 99

uint8_t block_pages[BLOCK_PAGES][PAGE_SIZE] ZEROED_PAGES;

static uint8_t rings[BLOCK_MAX_QUEUES][PAGE_SIZE << BLOCK_MAX_ORDER] ZEROED_PAGES;
static uint64_t last_id;

static bool state_is(const struct block_device *device, const char *name, uint32_t states) {
  enum xenbus_state state = backend_await(&device->frontend, states, STATE_TIMEOUT);
  check(name, STATE_BIT(state) & states, state, "the back end's next state");
  return STATE_BIT(state) & states;
}

bool block_offer(struct block_device *device, uint32_t id) {
  memset(device, 0, sizeof *device);
  if (!xenbus_find(&device->frontend, "vbd", id)) {
    check("backend", false, id, "a back end");
    return false;
  }
  const struct frontend *frontend = &device->frontend;
  if (!state_is(device, "offered", STATE_BIT(XENBUS_INIT_WAIT))) return false;
  device->persistent = backend_read_number(frontend, "feature-persistent", 0);
  device->max_indirect = (uint32_t)backend_read_number(frontend, "feature-max-indirect-segments", 0);
  device->max_order = (uint32_t)backend_read_number(frontend, "max-ring-page-order", 0);
  device->max_queues = (uint32_t)backend_read_number(frontend, "multi-queue-max-queues", 1);
  return true;
}

static bool queue_open(struct block_device *device, uint32_t index) {
  struct block_queue *queue = &device->queues[index];
  uint32_t pages = 1u << device->settings.order;
  memset(rings[index], 0, pages * PAGE_SIZE);
  queue->ring = (volatile struct blkif_ring *)rings[index];
  queue->ring->header.req_event = queue->ring->header.rsp_event = 1;
  queue->req_prod = queue->rsp_cons = 0;
  uint32_t room = (pages * PAGE_SIZE - (uint32_t)sizeof(struct ring_header)) / (uint32_t)sizeof(union blkif_entry);
  for (queue->entries = 1; queue->entries * 2 <= room;) queue->entries *= 2;
  for (uint32_t i = 0; i < pages; i++)
    queue->refs[i] = grant_access(device->frontend.backend_domid, rings[index] + i * PAGE_SIZE, false);
  long port = alloc_unbound(DOMID_SELF, device->frontend.backend_domid);
  expect_port("ring-port", port);
  queue->port = (unsigned)port;
  event_unmask(queue->port);
  return port > 0;
}

static bool queue_publish(const struct block_device *device, uint32_t tx, uint32_t index) {
  const struct block_queue *queue = &device->queues[index];
  bool written = true;
  WORDS(directory, 16);
  if (device->settings.queues > 1) {
    words_add(&directory, "queue-");
    words_add_number(&directory, index);
    words_add(&directory, "/");
  }
  for (uint32_t i = 0; i < 1u << device->settings.order; i++) {
    WORDS(name, 32);
    words_add(&name, directory.text);
    words_add(&name, "ring-ref");
    if (device->settings.order) words_add_number(&name, i);
    written &= frontend_write_number(&device->frontend, tx, name.text, queue->refs[i]);
  }
  WORDS(channel, 32);
  words_add(&channel, directory.text);
  words_add(&channel, "event-channel");
  return written & frontend_write_number(&device->frontend, tx, channel.text, queue->port);
}

static bool publish(const struct block_device *device) {
  const struct frontend *frontend = &device->frontend;
  uint32_t tx = store_begin();
  bool written = frontend_write(frontend, tx, "protocol", BLKIF_PROTOCOL);
  written &= frontend_write_number(frontend, tx, "feature-persistent", device->settings.persistent);
  if (device->settings.queues > 1)
    written &= frontend_write_number(frontend, tx, "multi-queue-num-queues", device->settings.queues);
  if (device->settings.order) written &= frontend_write_number(frontend, tx, "ring-page-order", device->settings.order);
  for (uint32_t i = 0; i < device->settings.queues; i++) written &= queue_publish(device, tx, i);
  return store_end(tx, written) && written;
}

bool block_connect(struct block_device *device, struct block_settings settings) {
  const struct frontend *frontend = &device->frontend;
  device->settings = settings;
  for (uint32_t i = 0; i < settings.queues; i++)
    if (!queue_open(device, i)) return false;
  for (uint32_t i = 0; i < BLOCK_PAGES; i++)
    device->page_refs[i] = grant_access(frontend->backend_domid, block_pages[i], false);
  bool published = publish(device);
  check("published", published, published, "nodes written");
  frontend_switch(frontend, XENBUS_INITIALISED);
  if (!state_is(device, "connected", STATE_BIT(XENBUS_CONNECTED))) return false;
  /* Linux's back end knows what the disk can do only now. */
  device->flush = backend_read_number(frontend, "feature-flush-cache", 0);
  device->barrier = backend_read_number(frontend, "feature-barrier", 0);
  device->discard = backend_read_number(frontend, "feature-discard", 0);
  device->sectors = backend_read_number(frontend, "sectors", 0);
  device->info = (uint32_t)backend_read_number(frontend, "info", 0);
  check_equal("sector-size", backend_read_number(frontend, "sector-size", 0), SECTOR_SIZE);
  frontend_switch(frontend, XENBUS_CONNECTED);
  return true;
}

static void forget_nodes(const struct block_device *device) {
  static const char *const names[] = {"ring-ref", "ring-ref0", "ring-ref1", "ring-ref2", "ring-ref3", "event-channel",
                                      "ring-page-order", "multi-queue-num-queues", "queue-0", "queue-1", "queue-2",
                                      "queue-3", "feature-persistent", "protocol"};
  for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) frontend_remove(&device->frontend, names[i]);
}

bool block_close(struct block_device *device) {
  struct tally released = {0};
  frontend_switch(&device->frontend, XENBUS_CLOSING);
  if (!state_is(device, "closing", STATE_BIT(XENBUS_CLOSING) | STATE_BIT(XENBUS_CLOSED))) return false;
  frontend_switch(&device->frontend, XENBUS_CLOSED);
  if (!state_is(device, "closed", STATE_BIT(XENBUS_CLOSED))) return false;
  for (uint32_t i = 0; i < BLOCK_PAGES; i++) tally_item(&released, i, grant_end(device->page_refs[i]), true);
  for (uint32_t i = 0; i < device->settings.queues; i++) {
    struct block_queue *queue = &device->queues[i];
    for (uint32_t page = 0; page < 1u << device->settings.order; page++)
      tally_item(&released, queue->refs[page], grant_end(queue->refs[page]), true);
    expect("close-port", event_close(queue->port), 0);
  }
  check_tally("grants-released", &released);
  forget_nodes(device);
  frontend_switch(&device->frontend, XENBUS_INITIALISING);
  return true;
}

void block_put(struct block_queue *queue, const union blkif_entry *entry) {
  memcpy((void *)&queue->ring->entries[queue->req_prod++ % queue->entries], entry, sizeof *entry);
}

void block_push(struct block_queue *queue) {
  volatile struct ring_header *header = &queue->ring->header;
  uint32_t before = header->req_prod;
  __atomic_store_n(&header->req_prod, queue->req_prod, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  uint32_t event = header->req_event;
  if (queue->req_prod - event < queue->req_prod - before) event_send(queue->port);
}

/* Asks for an event with the next response before it looks, so that none is missed. */
static bool has_response(void *context) {
  struct block_queue *queue = context;
  queue->ring->header.rsp_event = queue->rsp_cons + 1;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return queue->ring->header.rsp_prod != queue->rsp_cons;
}

bool block_take(struct block_queue *queue, struct blkif_response *response) {
  if (!wait_until(has_response, queue, RESPONSE_TIMEOUT)) return false;
  *response = *(struct blkif_response *)&queue->ring->entries[queue->rsp_cons++ % queue->entries];
  return true;
}

int block_call(struct block_queue *queue, union blkif_entry *entry) {
  struct blkif_response response;
  entry->request.id = ++last_id << 32 | 0xabcd;
  block_put(queue, entry);
  block_push(queue);
  if (!block_take(queue, &response)) return NO_RESPONSE;
  if (response.id != entry->request.id) check_equal("response-id", response.id, entry->request.id);
  return response.status;
}

union blkif_entry block_request(const struct block_device *device, uint8_t operation, uint64_t sector, uint32_t page,
                                uint32_t count) {
  union blkif_entry entry;
  memset(&entry, 0, sizeof entry);
  struct blkif_request *request = &entry.request;
  request->operation = operation;
  request->handle = (uint16_t)device->frontend.id;
  request->sector = sector;
  for (; count; page++) {
    uint32_t here = count < SECTORS_PER_PAGE ? count : SECTORS_PER_PAGE;
    request->segments[request->nr_segments++] =
        (struct blkif_segment){device->page_refs[page], 0, (uint8_t)(here - 1)};
    count -= here;
  }
  return entry;
}
