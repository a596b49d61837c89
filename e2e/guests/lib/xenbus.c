#include "xenbus.h"
#include "clock.h"
#include "text.h"
#include "words.h"
#include "xenstore.h"

#define WATCH_TOKEN "backend-state"
#define LOOK_AGAIN (250 * MILLISECOND)

static void join(struct words *path, const char *directory, const char *name) {
  words_add(path, directory);
  words_add(path, "/");
  words_add(path, name);
}

uint32_t xenbus_list(const char *kind, uint32_t *ids, uint32_t room) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, "device", kind);
  const struct store_reply *reply = store_ask(XS_DIRECTORY, 0, path.text);
  uint32_t count = 0;
  if (reply->type != XS_DIRECTORY) return 0;
  for (uint32_t at = 0; at < reply->length && count < room; at += text_length(reply->text + at, reply->length) + 1) {
    uint64_t id;
    if (text_number(reply->text + at, &id)) ids[count++] = (uint32_t)id;
  }
  return count;
}

bool xenbus_find(struct frontend *frontend, const char *kind, uint32_t id) {
  struct words path = {frontend->path, sizeof frontend->path, 0};
  struct words backend = {frontend->backend, sizeof frontend->backend, 0};
  join(&path, "device", kind);
  words_add(&path, "/");
  words_add_number(&path, id);
  frontend->id = id;
  const char *text = frontend_read(frontend, "backend");
  if (!text) return false;
  words_add(&backend, text);
  frontend->backend_domid = (unsigned)frontend_read_number(frontend, "backend-id", 0);
  return true;
}

const char *frontend_read(const struct frontend *frontend, const char *name) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->path, name);
  return store_read(0, path.text);
}

uint64_t frontend_read_number(const struct frontend *frontend, const char *name, uint64_t otherwise) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->path, name);
  return store_read_number(0, path.text, otherwise);
}

bool frontend_write(const struct frontend *frontend, uint32_t tx, const char *name, const char *value) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->path, name);
  return store_write(tx, path.text, value);
}

bool frontend_write_number(const struct frontend *frontend, uint32_t tx, const char *name, uint32_t value) {
  WORDS(text, 12);
  words_add_number(&text, value);
  return frontend_write(frontend, tx, name, text.text);
}

bool frontend_remove(const struct frontend *frontend, const char *name) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->path, name);
  return store_ask(XS_RM, 0, path.text)->type == XS_RM;
}

const char *backend_read(const struct frontend *frontend, const char *name) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->backend, name);
  return store_read(0, path.text);
}

uint64_t backend_read_number(const struct frontend *frontend, const char *name, uint64_t otherwise) {
  WORDS(path, XENBUS_PATH_SIZE);
  join(&path, frontend->backend, name);
  return store_read_number(0, path.text, otherwise);
}

bool frontend_switch(const struct frontend *frontend, enum xenbus_state state) {
  return frontend_write_number(frontend, 0, "state", state);
}

/* The watch's first event comes at once, so that no change is missed between the look and the watch. */
enum xenbus_state backend_await(const struct frontend *frontend, uint32_t states, uint64_t timeout) {
  WORDS(path, XENBUS_PATH_SIZE);
  struct store_event event;
  uint64_t deadline = clock_now() + timeout;
  enum xenbus_state state;
  join(&path, frontend->backend, "state");
  store_watch(path.text, WATCH_TOKEN);
  for (;;) {
    state = (enum xenbus_state)store_read_number(0, path.text, XENBUS_UNKNOWN);
    if (STATE_BIT(state & 31) & states || clock_now() >= deadline) break;
    store_next_event(&event, LOOK_AGAIN);
  }
  store_unwatch(path.text, WATCH_TOKEN);
  while (store_events_kept()) store_next_event(&event, 0);
  return state;
}
