/* The store's messages and ring (public/io/xs_wire.h). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  XS_CONTROL = 0,
  XS_DIRECTORY = 1,
  XS_READ = 2,
  XS_GET_PERMS = 3,
  XS_WATCH = 4,
  XS_UNWATCH = 5,
  XS_TRANSACTION_START = 6,
  XS_TRANSACTION_END = 7,
  XS_INTRODUCE = 8,
  XS_RELEASE = 9,
  XS_GET_DOMAIN_PATH = 10,
  XS_WRITE = 11,
  XS_MKDIR = 12,
  XS_RM = 13,
  XS_SET_PERMS = 14,
  XS_WATCH_EVENT = 15,
  XS_ERROR = 16,
  XS_IS_DOMAIN_INTRODUCED = 17,
  XS_RESUME = 18,
  XS_SET_TARGET = 19,
  XS_RESET_WATCHES = 21,
  XS_DIRECTORY_PART = 22,
};

#define STORE_PAYLOAD_MAX 4096
#define STORE_RING_SIZE 1024

struct store_header {
  uint32_t type;
  uint32_t req_id;
  uint32_t tx_id;
  uint32_t length;
};

struct store_ring {
  uint8_t requests[STORE_RING_SIZE];
  uint8_t replies[STORE_RING_SIZE];
  uint32_t req_cons, req_prod;
  uint32_t rsp_cons, rsp_prod;
  uint32_t server_features;
  uint32_t connection;
  uint32_t error;
};

_Static_assert(offsetof(struct store_ring, req_cons) == 2048, "xenstore_domain_interface.req_cons");
_Static_assert(sizeof(struct store_ring) == 2076, "xenstore_domain_interface");
