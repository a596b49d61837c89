#include "net-front.h"
#include "address.h"
#include "clock.h"
#include "events.h"
#include "expect.h"
#include "grants.h"
#include "hypercall.h"
#include "text.h"
#include "wait.h"
#include "xenstore.h"

#define STATE_TIMEOUT (20 * SECOND)
#define ROOM_TIMEOUT (20 * SECOND)

static uint8_t tx_ring_page[PAGE_SIZE] ZEROED_PAGES;
static uint8_t rx_ring_page[PAGE_SIZE] ZEROED_PAGES;
static uint8_t tx_pages[NET_TX_PAGES][PAGE_SIZE] ZEROED_PAGES;
static uint8_t rx_pages[NET_BUFFERS][PAGE_SIZE] ZEROED_PAGES;

static volatile struct netif_tx_ring *const tx = (volatile struct netif_tx_ring *)tx_ring_page;
static volatile struct netif_rx_ring *const rx = (volatile struct netif_rx_ring *)rx_ring_page;

volatile struct netif_tx_ring *net_tx_ring(void) {
  return tx;
}

static bool state_is(const struct net_device *device, const char *name, uint32_t states) {
  enum xenbus_state state = backend_await(&device->frontend, states, STATE_TIMEOUT);
  check(name, STATE_BIT(state) & states, state, "the back end's next state");
  return STATE_BIT(state) & states;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six pairs of hex digits with colons between them. */
static bool parse_mac(const char *text, uint8_t *mac) {
  for (uint32_t i = 0; i < MAC_SIZE; i++, text += 3) {
    int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
    if (low < 0 || text[2] != (i + 1 < MAC_SIZE ? ':' : 0)) return false;
    mac[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

/* Puts a page at the back end's disposal. */
static void post(struct net_device *device, uint16_t id) {
  rx->entries[device->rx_prod++ % NETIF_RING_ENTRIES].request = (struct netif_rx_request){id, 0, device->rx_refs[id]};
}

static void push_rx(struct net_device *device) {
  uint32_t before = rx->header.req_prod;
  __atomic_store_n(&rx->header.req_prod, device->rx_prod, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (device->rx_prod - rx->header.req_event < device->rx_prod - before) event_send(device->rx_port);
}

static void push_tx(struct net_device *device) {
  uint32_t before = tx->header.req_prod;
  __atomic_store_n(&tx->header.req_prod, device->tx_prod, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (device->tx_prod - tx->header.req_event < device->tx_prod - before) event_send(device->tx_port);
}

static void open_rings(struct net_device *device) {
  unsigned peer = device->frontend.backend_domid;
  memset(tx_ring_page, 0, PAGE_SIZE);
  memset(rx_ring_page, 0, PAGE_SIZE);
  tx->header.req_event = tx->header.rsp_event = rx->header.req_event = rx->header.rsp_event = 1;
  device->tx_ref = grant_access(peer, tx_ring_page, false);
  device->rx_ref = grant_access(peer, rx_ring_page, false);
  for (uint32_t i = 0; i < NET_TX_PAGES; i++) device->tx_refs[i] = grant_access(peer, tx_pages[i], true);
  for (uint32_t i = 0; i < NET_BUFFERS; i++) device->rx_refs[i] = grant_access(peer, rx_pages[i], false);
  device->tx_port = (unsigned)alloc_unbound(DOMID_SELF, peer);
  device->rx_port = device->settings.split ? (unsigned)alloc_unbound(DOMID_SELF, peer) : device->tx_port;
  event_unmask(device->tx_port);
  if (device->settings.split) event_unmask(device->rx_port);
  for (uint16_t i = 0; i < NET_BUFFERS; i++) post(device, i);
  rx->header.req_prod = device->rx_prod;
}

static bool publish(const struct net_device *device) {
  const struct frontend *frontend = &device->frontend;
  uint32_t transaction = store_begin();
  bool written = frontend_write_number(frontend, transaction, "tx-ring-ref", device->tx_ref);
  written &= frontend_write_number(frontend, transaction, "rx-ring-ref", device->rx_ref);
  if (device->settings.split) {
    written &= frontend_write_number(frontend, transaction, "event-channel-tx", device->tx_port);
    written &= frontend_write_number(frontend, transaction, "event-channel-rx", device->rx_port);
  } else {
    written &= frontend_write_number(frontend, transaction, "event-channel", device->tx_port);
  }
  written &= frontend_write_number(frontend, transaction, "request-rx-copy", 1);
  written &= frontend_write_number(frontend, transaction, "feature-rx-notify", 1);
  written &= frontend_write_number(frontend, transaction, "feature-sg", device->settings.scatter_gather);
  return store_end(transaction, written) && written;
}

bool net_connect(struct net_device *device, uint32_t id, struct net_settings settings) {
  memset(device, 0, sizeof *device);
  device->settings = settings;
  bool found = xenbus_find(&device->frontend, "vif", id);
  check("backend", found, id, "a back end");
  if (!found || !state_is(device, "offered", STATE_BIT(XENBUS_INIT_WAIT))) return false;
  const char *mac = frontend_read(&device->frontend, "mac");
  check("mac", mac && parse_mac(mac, device->mac), mac != NULL, "six bytes");
  check_equal("feature-rx-copy", backend_read_number(&device->frontend, "feature-rx-copy", 0), 1);
  open_rings(device);
  bool published = publish(device);
  check("published", published, published, "nodes written");
  frontend_switch(&device->frontend, XENBUS_CONNECTED);
  return state_is(device, "connected", STATE_BIT(XENBUS_CONNECTED));
}

static void forget_nodes(const struct net_device *device) {
  static const char *const names[] = {"tx-ring-ref",   "rx-ring-ref",      "event-channel",    "event-channel-tx",
                                      "feature-sg",    "event-channel-rx", "request-rx-copy",  "feature-rx-notify"};
  for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) frontend_remove(&device->frontend, names[i]);
}

bool net_close(struct net_device *device) {
  struct tally released = {0};
  frontend_switch(&device->frontend, XENBUS_CLOSING);
  if (!state_is(device, "closing", STATE_BIT(XENBUS_CLOSING) | STATE_BIT(XENBUS_CLOSED))) return false;
  frontend_switch(&device->frontend, XENBUS_CLOSED);
  if (!state_is(device, "closed", STATE_BIT(XENBUS_CLOSED))) return false;
  for (uint32_t i = 0; i < NET_TX_PAGES; i++) tally_item(&released, i, grant_end(device->tx_refs[i]), true);
  for (uint32_t i = 0; i < NET_BUFFERS; i++) tally_item(&released, i, grant_end(device->rx_refs[i]), true);
  tally_item(&released, device->tx_ref, grant_end(device->tx_ref), true);
  tally_item(&released, device->rx_ref, grant_end(device->rx_ref), true);
  check_tally("grants-released", &released);
  event_close(device->tx_port);
  if (device->settings.split) event_close(device->rx_port);
  forget_nodes(device);
  frontend_switch(&device->frontend, XENBUS_INITIALISING);
  return true;
}

/* Responses come in the order of requests from most back ends, but nobody promises that: only their number counts. */
static void take_tx_responses(struct net_device *device) {
  uint32_t ready = __atomic_load_n(&tx->header.rsp_prod, __ATOMIC_SEQ_CST);
  for (; device->tx_cons != ready; device->tx_cons++)
    if (tx->entries[device->tx_cons % NETIF_RING_ENTRIES].response.status < 0) device->tx_errors++;
}

/* While some are missing, the back end must know that the next one is waited for, and none may have come before it does. */
static bool tx_is_idle(void *context) {
  struct net_device *device = context;
  do {
    take_tx_responses(device);
    if (device->tx_cons == device->tx_prod) return true;
    tx->header.rsp_event = device->tx_cons + 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
  } while (tx->header.rsp_prod != device->tx_cons);
  return false;
}

bool net_flush(struct net_device *device, uint64_t timeout) {
  return wait_until(tx_is_idle, device, timeout);
}

/* A frame's pieces each get a page, so that at most NET_TX_PAGES are under way. */
bool net_send(struct net_device *device, const void *frame, uint32_t length, uint16_t flags, uint32_t piece) {
  const uint8_t *bytes = frame;
  uint32_t pieces = 0;
  for (uint32_t at = 0; at < length; at += piece) pieces++;
  if (device->tx_prod - device->tx_cons + pieces > NET_TX_PAGES && !net_flush(device, ROOM_TIMEOUT)) return false;
  for (uint32_t at = 0; at < length; at += piece) {
    uint32_t page = device->tx_prod % NET_TX_PAGES, size = length - at < piece ? length - at : piece;
    uint32_t offset = at ? 32 : 0;
    memcpy(tx_pages[page] + offset, bytes + at, size);
    uint16_t more = at + size < length ? NETTXF_MORE_DATA : 0;
    tx->entries[device->tx_prod % NETIF_RING_ENTRIES].request =
        (struct netif_tx_request){device->tx_refs[page], (uint16_t)offset, (uint16_t)((at ? 0 : flags) | more),
                                  (uint16_t)page, (uint16_t)(at ? size : length)};
    device->tx_prod++;
  }
  push_tx(device);
  return true;
}

int net_send_raw(struct net_device *device, struct netif_tx_request request) {
  if (!net_flush(device, ROOM_TIMEOUT)) return 99;
  uint32_t at = device->tx_prod % NETIF_RING_ENTRIES;
  tx->entries[at].request = request;
  device->tx_prod++;
  push_tx(device);
  return net_flush(device, ROOM_TIMEOUT) ? tx->entries[at].response.status : 99;
}

static bool has_frame(void *context) {
  struct net_device *device = context;
  rx->header.rsp_event = device->rx_cons + 1;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return rx->header.rsp_prod != device->rx_cons;
}

bool net_receive(struct net_device *device, struct net_frame *frame, uint64_t timeout) {
  frame->length = frame->parts = 0;
  for (;;) {
    if (!wait_until(has_frame, device, timeout)) return false;
    struct netif_rx_response response = *(struct netif_rx_response *)&rx->entries[device->rx_cons++ % NETIF_RING_ENTRIES];
    if (!frame->parts++) frame->flags = response.flags;
    bool valid = response.id < NET_BUFFERS && response.status > 0 && response.offset + response.status <= PAGE_SIZE;
    if (!valid) check("rx-response", false, (uint16_t)response.status, "a length within the page");
    if (valid && frame->length + (uint32_t)response.status <= MAX_FRAME) {
      memcpy(frame->bytes + frame->length, rx_pages[response.id] + response.offset, (size_t)response.status);
      frame->length += (uint32_t)response.status;
    }
    if (response.id < NET_BUFFERS) post(device, response.id);
    push_rx(device);
    if (!(response.flags & NETRXF_MORE_DATA)) return valid;
  }
}
