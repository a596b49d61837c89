/* Ethernet frames with ARP, ICMP and UDP over IPv4: making and taking apart. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ETHERNET_HEADER 14
#define ARP_SIZE 28
#define IP_HEADER 20
#define ICMP_HEADER 8
#define UDP_HEADER 8

struct net_address {
  uint8_t mac[6];
  /* In host order. */
  uint32_t ip;
};

/* Frames are written to `frame`; these return their length. */
uint32_t make_arp_request(uint8_t *frame, const struct net_address *from, uint32_t ip);
uint32_t make_ping(uint8_t *frame, const struct net_address *from, const struct net_address *to, uint16_t sequence,
                   uint32_t payload);
/* With `blank`, the checksum is only that of the pseudo header, for the other side to complete. */
uint32_t make_udp(uint8_t *frame, const struct net_address *from, const struct net_address *to, uint16_t source,
                  uint16_t target, uint32_t payload, uint8_t seed, bool blank);

/* Whether it is an ARP reply of `ip` to `own`; its hardware address then. */
bool is_arp_reply(const uint8_t *frame, uint32_t length, const struct net_address *own, uint32_t ip, uint8_t *mac);
/* An echo reply with all that make_ping put into the request; checksums count. */
bool is_pong(const uint8_t *frame, uint32_t length, uint16_t sequence, uint32_t payload);
/* `source` and `target` are of this frame. `verified`: somebody else has seen to the checksum, or will. */
bool is_udp(const uint8_t *frame, uint32_t length, uint16_t source, uint16_t target, uint32_t payload, uint8_t seed,
            bool verified);
