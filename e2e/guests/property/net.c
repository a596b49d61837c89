/*
 * The front end of the first network device. The command line says who answers: `ip=0xHEX` is the guest's address,
 * `peer=0xHEX` the one of a host that answers ARP and ping, and, with `udp=PORT`, sends datagrams back from that port.
 * Sends frames in one and in many pieces, with checksums left to the other side, and bad ones; `burst=N` (default 1000)
 * datagrams in a row; closes and connects again. `attack=ring` breaks the protocol at the end.
 */
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "expect.h"
#include "grants.h"
#include "net-front.h"
#include "net-packets.h"
#include "text.h"
#include "wait.h"
#include "xenstore.h"

#define ANSWER_TIMEOUT (5 * SECOND)
#define TRIES 3
#define DISCARD_PORT 9
#define OWN_PORT 5000
#define DEFAULT_BURST 1000
#define WHOLE 4096
#define BAD_REF 0x7fffffff

static struct net_frame frame;
static uint8_t packet[MAX_FRAME];
static struct net_device device;
static struct net_address own, peer;
static uint64_t udp_port;

typedef bool wanted(const void *what);

/* Frames that nobody asked for come as well: a host has much to say. */
static bool receive(wanted *is_wanted, const void *what) {
  uint64_t deadline = clock_now() + ANSWER_TIMEOUT;
  while (clock_now() < deadline)
    if (net_receive(&device, &frame, ANSWER_TIMEOUT) && is_wanted(what)) return true;
  return false;
}

static bool is_arp(const void *what) {
  (void)what;
  return is_arp_reply(frame.bytes, frame.length, &own, peer.ip, peer.mac);
}

/* The bridge may not forward yet. */
static bool resolve(void) {
  for (uint32_t i = 0; i < 10; i++) {
    uint32_t length = make_arp_request(packet, &own, peer.ip);
    net_send(&device, packet, length, 0, WHOLE);
    if (receive(is_arp, NULL)) return true;
  }
  return false;
}

struct ping {
  uint16_t sequence;
  uint32_t payload;
};

static bool is_pong_of(const void *what) {
  const struct ping *ping = what;
  return is_pong(frame.bytes, frame.length, ping->sequence, ping->payload);
}

static void check_ping(const char *name, uint32_t payload, uint32_t piece) {
  static uint16_t sequence;
  struct ping ping = {0, payload};
  for (uint32_t i = 0; i < TRIES; i++) {
    ping.sequence = ++sequence;
    net_send(&device, packet, make_ping(packet, &own, &peer, ping.sequence, payload), 0, piece);
    if (!receive(is_pong_of, &ping)) continue;
    check(name, true, frame.parts, "parts of the answer");
    return;
  }
  check(name, false, payload, "an answer");
}

struct datagram {
  uint32_t payload;
  uint8_t seed;
};

static bool is_echo(const void *what) {
  const struct datagram *datagram = what;
  bool verified = frame.flags & (NETRXF_CSUM_BLANK | NETRXF_DATA_VALIDATED);
  return is_udp(frame.bytes, frame.length, (uint16_t)udp_port, OWN_PORT, datagram->payload, datagram->seed, verified);
}

static void check_udp(const char *name, uint32_t payload, bool blank, uint32_t piece) {
  static uint8_t seed;
  if (!udp_port) return;
  for (uint32_t i = 0; i < TRIES; i++) {
    struct datagram datagram = {payload, ++seed};
    uint32_t length = make_udp(packet, &own, &peer, OWN_PORT, (uint16_t)udp_port, payload, seed, blank);
    net_send(&device, packet, length, blank ? NETTXF_CSUM_BLANK | NETTXF_DATA_VALIDATED : 0, piece);
    if (!receive(is_echo, &datagram)) continue;
    check(name, true, frame.flags, "flags of the answer");
    return;
  }
  check(name, false, payload, "the datagram again");
}

static void check_traffic(void) {
  check_ping("ping", 56, WHOLE);
  check_ping("ping-largest", 1500 - IP_HEADER - ICMP_HEADER, WHOLE);
  check_udp("udp", 100, false, WHOLE);
  check_udp("udp-nothing", 0, false, WHOLE);
  check_udp("udp-odd", 1001, false, WHOLE);
  check_udp("udp-checksum-blank", 100, true, WHOLE);
  check_udp("udp-checksum-blank-odd", 1001, true, WHOLE);
  if (!device.settings.scatter_gather) return;
  check_ping("ping-two-pieces", 1200, 700);
  check_ping("ping-many-pieces", 1400, 100);
  check_udp("udp-pieces-blank", 1400, true, 333);
}

static void check_burst(void) {
  uint64_t burst = DEFAULT_BURST, sent = 0;
  option_number(boot()->cmdline, "burst", &burst);
  uint32_t errors = device.tx_errors;
  uint32_t length = make_udp(packet, &own, &peer, OWN_PORT, DISCARD_PORT, 64, 1, false);
  uint64_t start = clock_now();
  while (sent < burst && net_send(&device, packet, length, 0, WHOLE)) sent++;
  bool answered = net_flush(&device, 20 * SECOND);
  uint64_t end = clock_now();
  check_equal("burst-sent", sent, burst);
  check("burst-answered", answered, device.tx_prod - device.tx_cons, "all");
  check_equal("burst-errors", device.tx_errors - errors, 0);
  print("net: packets=");
  print_decimal(sent);
  print(" nanoseconds=");
  print_decimal(end - start);
  put_char('\n');
}

static void check_bad_requests(void) {
  struct netif_tx_request request = {device.tx_refs[0], 0, 0, 7, 60};
  request.gref = BAD_REF;
  check("bad-ref", net_send_raw(&device, request) < 0, request.gref, "an error");
  request.gref = device.tx_refs[0];
  request.size = 5;
  check("runt", net_send_raw(&device, request) < 0, request.size, "an error");
  check_ping("ping-after-errors", 56, WHOLE);
}

/* A frame that does not lie within its page shuts the device; the guest goes on. */
static void attack_size(void) {
  struct netif_tx_request request = {device.tx_refs[0], 4000, 0, 7, 1000};
  volatile struct netif_tx_ring *ring = net_tx_ring();
  net_flush(&device, ANSWER_TIMEOUT);
  ring->entries[device.tx_prod % NETIF_RING_ENTRIES].request = request;
  ring->header.req_prod = device.tx_prod + 1;
  event_send(device.tx_port);
}

static void attack_ring(void) {
  net_flush(&device, ANSWER_TIMEOUT);
  net_tx_ring()->header.req_prod = device.tx_prod + 3 * NETIF_RING_ENTRIES;
  event_send(device.tx_port);
}

static void check_attack(void) {
  if (option_is(boot()->cmdline, "attack", "ring"))
    attack_ring();
  else if (option_is(boot()->cmdline, "attack", "size"))
    attack_size();
  else
    return;
  enum xenbus_state state =
      backend_await(&device.frontend, STATE_BIT(XENBUS_CLOSING) | STATE_BIT(XENBUS_CLOSED), 10 * SECOND);
  check("attack-closes", state == XENBUS_CLOSING || state == XENBUS_CLOSED, state, "Closing or Closed");
}

static bool connect(uint32_t id, struct net_settings settings) {
  if (!net_connect(&device, id, settings)) return false;
  memcpy(own.mac, device.mac, MAC_SIZE);
  bool resolved = resolve();
  check("arp", resolved, peer.ip, "an answer of the peer");
  return resolved;
}

_Noreturn void guest_main(void) {
  uint32_t id;
  uint64_t address = 0;
  events_init();
  grants_init();
  if (!store_init()) {
    check("store", false, 0, "a ring and a port");
    finish();
  }
  wait_by_halting();
  if (option_number(boot()->cmdline, "ip", &address)) own.ip = (uint32_t)address;
  if (option_number(boot()->cmdline, "peer", &address)) peer.ip = (uint32_t)address;
  option_number(boot()->cmdline, "udp", &udp_port);
  uint32_t count = xenbus_list("vif", &id, 1);
  check("devices", count > 0, count, "a network device");
  if (!count) finish();
  if (connect(id, (struct net_settings){false, false})) {
    check_traffic();
    check_burst();
    check_bad_requests();
    net_close(&device);
  }
  if (connect(id, (struct net_settings){true, true})) {
    check_traffic();
    check_burst();
    check_attack();
  }
  finish();
}
