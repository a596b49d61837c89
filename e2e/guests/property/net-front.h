/* The front end of one network device. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-net.h"
#include "xenbus.h"

#define NET_BUFFERS 64
#define NET_TX_PAGES 32
#define MAX_FRAME 9000
#define MAC_SIZE 6

struct net_settings {
  /* One event channel for each ring instead of one for both. */
  bool split;
  bool scatter_gather;
};

struct net_device {
  struct frontend frontend;
  struct net_settings settings;
  uint8_t mac[MAC_SIZE];
  uint32_t tx_ref, rx_ref;
  unsigned tx_port, rx_port;
  uint32_t tx_prod, tx_cons, rx_prod, rx_cons;
  uint32_t rx_refs[NET_BUFFERS];
  uint32_t tx_refs[NET_TX_PAGES];
  /* Responses that were errors. */
  uint32_t tx_errors;
};

struct net_frame {
  uint32_t length;
  /* NETRXF_* of its first part. */
  uint16_t flags;
  /* How many ring entries it came in. */
  uint32_t parts;
  uint8_t bytes[MAX_FRAME];
};

/* Says in checks what is wrong; false then. */
bool net_connect(struct net_device *device, uint32_t id, struct net_settings settings);
/* Closes and checks that nothing stays granted. */
bool net_close(struct net_device *device);
/* Sends a frame in pieces of at most `piece` bytes. False when the ring has had no room for long. */
bool net_send(struct net_device *device, const void *frame, uint32_t length, uint16_t flags, uint32_t piece);
/* Puts one request as it is; the status of its response, or 99. */
int net_send_raw(struct net_device *device, struct netif_tx_request request);
/* Waits until all that was sent is answered. */
bool net_flush(struct net_device *device, uint64_t timeout);
bool net_receive(struct net_device *device, struct net_frame *frame, uint64_t timeout);
volatile struct netif_tx_ring *net_tx_ring(void);
