#include "net-packets.h"
#include "text.h"

#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_ARP 0x0806
#define PROTOCOL_ICMP 1
#define PROTOCOL_UDP 17
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define PING_ID 0x5056

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t get16(const uint8_t *at) {
  return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at) {
  return get16(at) << 16 | get16(at + 2);
}

static uint32_t sum(uint32_t start, const uint8_t *bytes, uint32_t size) {
  for (uint32_t i = 0; i < size; i++) start += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
  return start;
}

static uint16_t fold(uint32_t value) {
  while (value >> 16) value = (value & 0xffff) + (value >> 16);
  return (uint16_t)value;
}

static void put_ethernet(uint8_t *frame, const uint8_t *to, const uint8_t *from, uint32_t type) {
  memcpy(frame, to, 6);
  memcpy(frame + 6, from, 6);
  put16(frame + 12, type);
}

uint32_t make_arp_request(uint8_t *frame, const struct net_address *from, uint32_t ip) {
  static const uint8_t start[] = {0, 1, 8, 0, 6, 4, 0, 1};
  uint8_t everybody[6];
  uint8_t *arp = frame + ETHERNET_HEADER;
  memset(everybody, 0xff, sizeof everybody);
  put_ethernet(frame, everybody, from->mac, ETHERTYPE_ARP);
  memcpy(arp, start, sizeof start);
  memcpy(arp + 8, from->mac, 6);
  put32(arp + 14, from->ip);
  memset(arp + 18, 0, 6);
  put32(arp + 24, ip);
  return ETHERNET_HEADER + ARP_SIZE;
}

bool is_arp_reply(const uint8_t *frame, uint32_t length, const struct net_address *own, uint32_t ip, uint8_t *mac) {
  const uint8_t *arp = frame + ETHERNET_HEADER;
  if (length < ETHERNET_HEADER + ARP_SIZE || get16(frame + 12) != ETHERTYPE_ARP || get16(arp + 6) != 2) return false;
  if (get32(arp + 14) != ip || get32(arp + 24) != own->ip || memcmp(frame, own->mac, 6)) return false;
  memcpy(mac, arp + 8, 6);
  return true;
}

static uint8_t *put_ip(uint8_t *frame, const struct net_address *from, const struct net_address *to, uint8_t protocol,
                       uint32_t size) {
  uint8_t *ip = frame + ETHERNET_HEADER;
  put_ethernet(frame, to->mac, from->mac, ETHERTYPE_IP);
  memset(ip, 0, IP_HEADER);
  ip[0] = 0x45;
  put16(ip + 2, IP_HEADER + size);
  ip[8] = 64;
  ip[9] = protocol;
  put32(ip + 12, from->ip);
  put32(ip + 16, to->ip);
  put16(ip + 10, (uint16_t)~fold(sum(0, ip, IP_HEADER)));
  return ip + IP_HEADER;
}

/* The payload of an IPv4 packet without options, or NULL. */
static const uint8_t *ip_payload(const uint8_t *frame, uint32_t length, uint8_t protocol, uint32_t size) {
  const uint8_t *ip = frame + ETHERNET_HEADER;
  if (length < ETHERNET_HEADER + IP_HEADER + size || get16(frame + 12) != ETHERTYPE_IP || ip[0] != 0x45) return NULL;
  if (ip[9] != protocol || get16(ip + 2) != IP_HEADER + size || fold(sum(0, ip, IP_HEADER)) != 0xffff) return NULL;
  return ip + IP_HEADER;
}

static void fill(uint8_t *bytes, uint32_t size, uint8_t seed) {
  for (uint32_t i = 0; i < size; i++) bytes[i] = (uint8_t)(seed + i * 13 + (i >> 8));
}

static bool is_filled(const uint8_t *bytes, uint32_t size, uint8_t seed) {
  for (uint32_t i = 0; i < size; i++)
    if (bytes[i] != (uint8_t)(seed + i * 13 + (i >> 8))) return false;
  return true;
}

uint32_t make_ping(uint8_t *frame, const struct net_address *from, const struct net_address *to, uint16_t sequence,
                   uint32_t payload) {
  uint8_t *icmp = put_ip(frame, from, to, PROTOCOL_ICMP, ICMP_HEADER + payload);
  memset(icmp, 0, ICMP_HEADER);
  icmp[0] = ICMP_ECHO;
  put16(icmp + 4, PING_ID);
  put16(icmp + 6, sequence);
  fill(icmp + ICMP_HEADER, payload, (uint8_t)sequence);
  put16(icmp + 2, (uint16_t)~fold(sum(0, icmp, ICMP_HEADER + payload)));
  return ETHERNET_HEADER + IP_HEADER + ICMP_HEADER + payload;
}

bool is_pong(const uint8_t *frame, uint32_t length, uint16_t sequence, uint32_t payload) {
  const uint8_t *icmp = ip_payload(frame, length, PROTOCOL_ICMP, ICMP_HEADER + payload);
  if (!icmp || icmp[0] != ICMP_ECHO_REPLY || get16(icmp + 4) != PING_ID || get16(icmp + 6) != sequence) return false;
  return fold(sum(0, icmp, ICMP_HEADER + payload)) == 0xffff && is_filled(icmp + ICMP_HEADER, payload, (uint8_t)sequence);
}

/* Of addresses, protocol and length. */
static uint32_t pseudo_sum(const uint8_t *ip, uint32_t size) {
  return sum(0, ip + 12, 8) + PROTOCOL_UDP + size;
}

uint32_t make_udp(uint8_t *frame, const struct net_address *from, const struct net_address *to, uint16_t source,
                  uint16_t target, uint32_t payload, uint8_t seed, bool blank) {
  uint32_t size = UDP_HEADER + payload;
  uint8_t *udp = put_ip(frame, from, to, PROTOCOL_UDP, size);
  put16(udp, source);
  put16(udp + 2, target);
  put16(udp + 4, size);
  put16(udp + 6, 0);
  fill(udp + UDP_HEADER, payload, seed);
  uint32_t pseudo = pseudo_sum(frame + ETHERNET_HEADER, size);
  put16(udp + 6, blank ? fold(pseudo) : (uint16_t)~fold(sum(pseudo, udp, size)));
  return ETHERNET_HEADER + IP_HEADER + size;
}

bool is_udp(const uint8_t *frame, uint32_t length, uint16_t source, uint16_t target, uint32_t payload, uint8_t seed,
            bool verified) {
  uint32_t size = UDP_HEADER + payload;
  const uint8_t *udp = ip_payload(frame, length, PROTOCOL_UDP, size);
  if (!udp || get16(udp) != source || get16(udp + 2) != target || get16(udp + 4) != size) return false;
  bool summed = verified || !get16(udp + 6) || fold(sum(pseudo_sum(frame + ETHERNET_HEADER, size), udp, size)) == 0xffff;
  return summed && is_filled(udp + UDP_HEADER, payload, seed);
}
