/* Network rings (public/io/netif.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "xen-block.h"

enum { NETTXF_CSUM_BLANK = 1, NETTXF_DATA_VALIDATED = 2, NETTXF_MORE_DATA = 4, NETTXF_EXTRA_INFO = 8 };
enum { NETRXF_DATA_VALIDATED = 1, NETRXF_CSUM_BLANK = 2, NETRXF_MORE_DATA = 4, NETRXF_EXTRA_INFO = 8 };
enum { NETIF_RSP_OKAY = 0, NETIF_RSP_ERROR = -1, NETIF_RSP_DROPPED = -2, NETIF_RSP_NULL = 1 };

struct netif_tx_request {
  uint32_t gref;
  uint16_t offset;
  uint16_t flags;
  uint16_t id;
  uint16_t size;
};

struct netif_tx_response {
  uint16_t id;
  int16_t status;
};

struct netif_rx_request {
  uint16_t id;
  uint16_t pad;
  uint32_t gref;
};

struct netif_rx_response {
  uint16_t id;
  uint16_t offset;
  uint16_t flags;
  /* Bytes, or an error. */
  int16_t status;
};

#define NETIF_RING_ENTRIES 256

struct netif_tx_ring {
  struct ring_header header;
  union {
    struct netif_tx_request request;
    struct netif_tx_response response;
  } entries[NETIF_RING_ENTRIES];
};

struct netif_rx_ring {
  struct ring_header header;
  union {
    struct netif_rx_request request;
    struct netif_rx_response response;
  } entries[NETIF_RING_ENTRIES];
};

_Static_assert(sizeof(struct netif_tx_ring) == 64 + 12 * NETIF_RING_ENTRIES, "netif_tx_sring");
_Static_assert(sizeof(struct netif_rx_ring) == 64 + 8 * NETIF_RING_ENTRIES, "netif_rx_sring");
