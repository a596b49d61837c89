#include "xenstore.h"
#include "address.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "own-domain.h"
#include "text.h"
#include "verdict.h"
#include "wait.h"
#include "words.h"
#include "xen-hvm.h"
#ifdef __x86_64__
#include "pv-start-info.h"
#endif

#define ANSWER_TIMEOUT (20 * SECOND)
#define EVENTS 32

volatile struct store_ring *store_ring;
unsigned store_port;

static struct store_reply reply;
static char reply_text[STORE_PAYLOAD_MAX + 1];
static struct store_event events[EVENTS];
static uint32_t events_first, events_kept;
static uint32_t last_id;

#ifdef __x86_64__
static bool find(unsigned long *frame, unsigned *port) {
  *frame = start_info->store_mfn;
  *port = start_info->store_evtchn;
  return *frame && *port;
}
#else
static bool find(unsigned long *frame, unsigned *port) {
  uint64_t page = 0, channel = 0;
  bool found = hvm_param(HVM_PARAM_STORE_PFN, &page) && hvm_param(HVM_PARAM_STORE_EVTCHN, &channel);
  *frame = (unsigned long)page;
  *port = (unsigned)channel;
  return found && page && channel;
}
#endif

bool store_init(void) {
  unsigned long frame;
  shared_info_map();
  if (store_ring) return true;
  if (!find(&frame, &store_port)) return false;
  store_ring = frame_pointer(frame);
  event_unmask(store_port);
  return true;
}

static _Noreturn void give_up(const char *what) {
  print("store: ");
  print(what);
  print("\n");
  check("store-answers", false, last_id, "an answer in time");
  finish();
}

static bool has_room(void *context) {
  (void)context;
  return store_ring->req_prod - store_ring->req_cons < STORE_RING_SIZE;
}

static bool has_bytes(void *context) {
  (void)context;
  return store_ring->rsp_prod != store_ring->rsp_cons;
}

void store_send(const void *bytes, uint32_t length) {
  const uint8_t *from = bytes;
  while (length) {
    if (!wait_until(has_room, NULL, ANSWER_TIMEOUT)) give_up("requests are not taken");
    uint32_t prod = store_ring->req_prod;
    uint32_t room = STORE_RING_SIZE - (prod - store_ring->req_cons);
    uint32_t count = length < room ? length : room;
    for (uint32_t i = 0; i < count; i++) store_ring->requests[(prod + i) % STORE_RING_SIZE] = from[i];
    __atomic_store_n(&store_ring->req_prod, prod + count, __ATOMIC_SEQ_CST);
    event_send(store_port);
    from += count;
    length -= count;
  }
}

/* Takes bytes as they come; those beyond `room` are dropped. */
static bool take(void *to, uint32_t length, uint32_t room, uint64_t timeout) {
  uint8_t *bytes = to;
  for (uint32_t done = 0; done < length;) {
    if (!wait_until(has_bytes, NULL, timeout)) return false;
    uint32_t cons = store_ring->rsp_cons;
    uint32_t ready = __atomic_load_n(&store_ring->rsp_prod, __ATOMIC_SEQ_CST) - cons;
    if (ready > STORE_RING_SIZE) give_up("more bytes than the ring has");
    uint32_t count = length - done < ready ? length - done : ready;
    for (uint32_t i = 0; i < count; i++)
      if (done + i < room) bytes[done + i] = store_ring->replies[(cons + i) % STORE_RING_SIZE];
    __atomic_store_n(&store_ring->rsp_cons, cons + count, __ATOMIC_SEQ_CST);
    event_send(store_port);
    done += count;
  }
  return true;
}

static void copy_text(char *to, const char *from, uint32_t size) {
  uint32_t length = text_length(from, size - 1);
  memcpy(to, from, length);
  to[length] = 0;
}

static void keep_event(void) {
  if (events_kept == EVENTS) give_up("more events than can be kept");
  struct store_event *event = &events[(events_first + events_kept++) % EVENTS];
  copy_text(event->path, reply_text, sizeof event->path);
  uint32_t path = text_length(reply_text, reply.length) + 1;
  copy_text(event->token, path < reply.length ? reply_text + path : "", sizeof event->token);
}

/* The next message of any kind, into `reply`. */
static bool receive_any(uint64_t timeout) {
  struct store_header header;
  if (!take(&header, sizeof header, sizeof header, timeout)) return false;
  uint32_t length = header.length > STORE_PAYLOAD_MAX ? STORE_PAYLOAD_MAX : header.length;
  if (!take(reply_text, header.length, length, ANSWER_TIMEOUT)) give_up("a message ends early");
  reply_text[length] = 0;
  reply = (struct store_reply){header.type, header.req_id, header.tx_id, header.length, reply_text};
  if (header.type == XS_WATCH_EVENT) keep_event();
  return true;
}

const struct store_reply *store_receive(uint64_t timeout) {
  do {
    if (!receive_any(timeout)) return NULL;
  } while (reply.type == XS_WATCH_EVENT);
  return &reply;
}

const struct store_reply *store_request(uint32_t type, uint32_t tx, const void *payload, uint32_t length) {
  struct store_header header = {type, ++last_id, tx, length};
  store_send(&header, sizeof header);
  store_send(payload, length);
  if (!store_receive(ANSWER_TIMEOUT)) give_up("no answer");
  if (reply.req_id == header.req_id && reply.tx_id == tx && (reply.type == type || reply.type == XS_ERROR)) return &reply;
  check_equal("store-answer-id", reply.req_id, header.req_id);
  check_equal("store-answer-transaction", reply.tx_id, tx);
  check_equal("store-answer-type", reply.type, type);
  finish();
}

const struct store_reply *store_ask(uint32_t type, uint32_t tx, const char *text) {
  return store_request(type, tx, text, text_length(text, STORE_PAYLOAD_MAX) + 1);
}

/* Two texts in one buffer, with the NUL of the second or without. */
static const struct store_reply *ask_pair(uint32_t type, uint32_t tx, const char *first, const char *second, bool nul) {
  static char payload[STORE_PAYLOAD_MAX];
  uint32_t length = text_length(first, STORE_PAYLOAD_MAX / 2 - 1) + 1;
  uint32_t more = text_length(second, STORE_PAYLOAD_MAX - length - 1) + nul;
  memcpy(payload, first, length);
  memcpy(payload + length, second, more);
  return store_request(type, tx, payload, length + more);
}

const struct store_reply *store_ask2(uint32_t type, uint32_t tx, const char *first, const char *second) {
  return ask_pair(type, tx, first, second, true);
}

const char *store_error(void) {
  return reply.type == XS_ERROR ? reply.text : "";
}

const char *store_read(uint32_t tx, const char *path) {
  store_ask(XS_READ, tx, path);
  return reply.type == XS_READ ? reply.text : NULL;
}

uint64_t store_read_number(uint32_t tx, const char *path, uint64_t otherwise) {
  const char *text = store_read(tx, path);
  uint64_t value;
  return text && text_number(text, &value) ? value : otherwise;
}

bool store_write(uint32_t tx, const char *path, const char *value) {
  return ask_pair(XS_WRITE, tx, path, value, false)->type == XS_WRITE;
}

bool store_watch(const char *path, const char *token) {
  return store_ask2(XS_WATCH, 0, path, token)->type == XS_WATCH;
}

bool store_unwatch(const char *path, const char *token) {
  return store_ask2(XS_UNWATCH, 0, path, token)->type == XS_UNWATCH;
}

uint32_t store_begin(void) {
  uint64_t tx;
  store_ask(XS_TRANSACTION_START, 0, "");
  return reply.type == XS_TRANSACTION_START && text_number(reply.text, &tx) ? (uint32_t)tx : 0;
}

bool store_end(uint32_t tx, bool commit) {
  return store_ask(XS_TRANSACTION_END, tx, commit ? "T" : "F")->type == XS_TRANSACTION_END;
}

/* A message that is no event can only be an answer that nobody asked for. */
bool store_next_event(struct store_event *event, uint64_t timeout) {
  if (!events_kept && (!receive_any(timeout) || !events_kept)) return false;
  *event = events[events_first];
  events_first = (events_first + 1) % EVENTS;
  events_kept--;
  return true;
}

uint32_t store_events_kept(void) {
  return events_kept;
}
