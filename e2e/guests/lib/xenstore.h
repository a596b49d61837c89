/*
 * A client of the store over the guest's ring. One request is under way at a time; events of watches that come in between
 * are kept. What a request returns is valid until the next one. No answer within a time ends the guest.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-store.h"

struct store_reply {
  uint32_t type;
  uint32_t req_id;
  uint32_t tx_id;
  uint32_t length;
  /* `length` bytes and a NUL. */
  const char *text;
};

struct store_event {
  char path[512];
  char token[64];
};

extern volatile struct store_ring *store_ring;
extern unsigned store_port;

/* Finds ring and port; false when the guest has none. Afterwards events of the port are not masked. */
bool store_init(void);

/* Any message; waits for its answer, which may be XS_ERROR. */
const struct store_reply *store_request(uint32_t type, uint32_t tx, const void *payload, uint32_t length);
/* With one text, and its NUL, as the payload. */
const struct store_reply *store_ask(uint32_t type, uint32_t tx, const char *text);
/* With two texts and their NULs. */
const struct store_reply *store_ask2(uint32_t type, uint32_t tx, const char *first, const char *second);

/* The error that the last answer was, or "" when it was none. */
const char *store_error(void);
/* The value, or NULL. */
const char *store_read(uint32_t tx, const char *path);
/* The value when it is a decimal number, else `otherwise`. */
uint64_t store_read_number(uint32_t tx, const char *path, uint64_t otherwise);
bool store_write(uint32_t tx, const char *path, const char *value);
bool store_watch(const char *path, const char *token);
bool store_unwatch(const char *path, const char *token);
/* 0 when it was refused. */
uint32_t store_begin(void);
/* Whether the changes were made; EAGAIN is in store_error. */
bool store_end(uint32_t tx, bool commit);

/* The next event of a watch that was kept or comes in time. */
bool store_next_event(struct store_event *event, uint64_t timeout);
/* How many events are kept. */
uint32_t store_events_kept(void);

/* Puts bytes into the ring, without waiting for an answer. */
void store_send(const void *bytes, uint32_t length);
/* The next answer that is no event; NULL when none comes in time. */
const struct store_reply *store_receive(uint64_t timeout);
