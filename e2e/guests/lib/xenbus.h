/* The front end's side of the handshake of PV devices (public/io/xenbus.h), over the store. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "xen-store.h"

enum xenbus_state {
  XENBUS_UNKNOWN = 0,
  XENBUS_INITIALISING = 1,
  XENBUS_INIT_WAIT = 2,
  XENBUS_INITIALISED = 3,
  XENBUS_CONNECTED = 4,
  XENBUS_CLOSING = 5,
  XENBUS_CLOSED = 6,
};

#define XENBUS_PATH_SIZE 96
#define STATE_BIT(state) (1u << (state))

struct frontend {
  uint32_t id;
  /* device/KIND/ID, relative to the guest's home. */
  char path[XENBUS_PATH_SIZE];
  char backend[XENBUS_PATH_SIZE];
  unsigned backend_domid;
};

/* The ids of all devices of a kind; returns how many, at most `room`. */
uint32_t xenbus_list(const char *kind, uint32_t *ids, uint32_t room);
/* Looks up one; false when it has no back end. */
bool xenbus_find(struct frontend *frontend, const char *kind, uint32_t id);

/* Values of one side's nodes. */
const char *frontend_read(const struct frontend *frontend, const char *name);
uint64_t frontend_read_number(const struct frontend *frontend, const char *name, uint64_t otherwise);
bool frontend_write(const struct frontend *frontend, uint32_t tx, const char *name, const char *value);
bool frontend_write_number(const struct frontend *frontend, uint32_t tx, const char *name, uint32_t value);
bool frontend_remove(const struct frontend *frontend, const char *name);
const char *backend_read(const struct frontend *frontend, const char *name);
uint64_t backend_read_number(const struct frontend *frontend, const char *name, uint64_t otherwise);

bool frontend_switch(const struct frontend *frontend, enum xenbus_state state);
/* Waits until the back end is in one of `states` (STATE_BIT). Returns its state then, or the one it stayed in. */
enum xenbus_state backend_await(const struct frontend *frontend, uint32_t states, uint64_t timeout);
