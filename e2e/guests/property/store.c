/*
 * The store, as a guest may use it: requests and their errors, permissions, transactions and conflicts, watches, quotas,
 * messages longer than the ring, bad messages, and what the toolstack put there. Expectations are those of xenstored.
 * `name=NAME` on the command line is the domain's name.
 */
#include "boot.h"
#include "clock.h"
#include "events.h"
#include "expect.h"
#include "hypercall.h"
#include "own-domain.h"
#include "real-xen.h"
#include "smp.h"
#include "text.h"
#include "wait.h"
#include "words.h"
#include "xenstore.h"

#define SOON (300 * MILLISECOND)
#define LATER (10 * SECOND)
#define NODE_LIMIT 1000
#define NODES_PER_DIRECTORY 100
#define NO_TRANSACTION 0x7ffffff

static char big[STORE_PAYLOAD_MAX];

static void expect_ok(const char *name) {
  check_text(name, store_error(), 32, "");
}

static void expect_error(const char *name, const char *error) {
  check_text(name, store_error(), 32, error);
}

static void expect_value(const char *name, const char *path, const char *value) {
  const char *found = store_read(0, path);
  check_text(name, found ? found : store_error(), 200, value);
}

static void expect_no_value(const char *name, const char *path, const char *error) {
  store_read(0, path);
  expect_error(name, error);
}

/* The texts of an answer, with '|' for the NULs between them. */
static void expect_texts(const char *name, const struct store_reply *reply, const char *expected) {
  static char joined[256];
  uint32_t length = reply->length < sizeof joined ? reply->length : sizeof joined - 1;
  for (uint32_t i = 0; i < length; i++) joined[i] = reply->text[i] ? reply->text[i] : '|';
  joined[length] = 0;
  check_text(name, joined, sizeof joined, expected);
}

static void expect_event(const char *name, const char *path, const char *token) {
  struct store_event event = {"no event", "no event"};
  store_next_event(&event, LATER);
  check_text(name, event.path, sizeof event.path, path);
  check_text(name, event.token, sizeof event.token, token);
}

static void expect_no_event(const char *name) {
  struct store_event event = {"", ""};
  store_next_event(&event, SOON);
  check_text(name, event.path, sizeof event.path, "");
}

static void check_toolstack_nodes(void) {
  WORDS(home, 64);
  WORDS(vcpu, 64);
  WORDS(perms, 64);
  char vm[128] = "", name[64] = "";
  const char *expected = option(boot()->cmdline, "name");
  if (expected) memcpy(name, expected, word_length(expected) < 63 ? word_length(expected) : 63);
  check_equal("domid", store_read_number(0, "domid", 0), own_domid());
  if (expected) expect_value("name", "name", name);
  const char *path = store_read(0, "vm");
  check("vm", path && text_begins(path, "/vm/"), path != NULL, "/vm/UUID");
  if (path) {
    char expected_uuid[37] = "";
    memcpy(expected_uuid, path + 4, sizeof expected_uuid - 1);
    struct words uuid = {vm, sizeof vm, 0};
    words_add(&uuid, path);
    words_add(&uuid, "/uuid");
    /* The next reading overwrites `path`. */
    expect_value("vm-uuid", vm, expected_uuid);
  }
  check_equal("memory-target", store_read_number(0, "memory/target", 0), boot()->memory / 1024);
  expect_at_least("memory-static-max", store_read_number(0, "memory/static-max", 0), boot()->memory / 1024);
  expect_value("control-shutdown", "control/shutdown", "");
  expect_value("control-sysrq", "control/sysrq", "");
  expect_value("control-feature-poweroff", "control/feature-poweroff", "");
  expect_value("control-feature-reboot", "control/feature-reboot", "");
  expect_value("control-feature-suspend", "control/feature-suspend", "");
  expect_value("control-reset-watches", "control/platform-feature-xs_reset_watches", "1");
  expect_value("data", "data", "");
  expect_value("error", "error", "");
  for (unsigned i = 0, count = vcpu_count(); i < count; i++) {
    vcpu.length = 0;
    words_add(&vcpu, "cpu/");
    words_add_number(&vcpu, i);
    words_add(&vcpu, "/availability");
    const char *state = store_read(0, vcpu.text);
    check("cpu-availability", state && (text_is(state, "online") || text_is(state, "offline")), i, "online or offline");
  }
  expect_value("cpu-0", "cpu/0/availability", "online");
  check_equal("store-port", store_read_number(0, "store/port", 0), store_port);
  check("console-port", store_read_number(0, "console/port", 0) != 0, 0, "a port");
  expect_value("console-type", "console/type", "xenconsoled");
  store_ask(XS_DIRECTORY, 0, "device");
  expect_ok("device");
  words_add(&home, "/local/domain/");
  words_add_number(&home, own_domid());
  WORDS(own, 12);
  words_add_number(&own, own_domid());
  const struct store_reply *reply = store_ask(XS_GET_DOMAIN_PATH, 0, own.text);
  check_text("domain-path", reply->text, reply->length, home.text);
  words_add(&perms, "n0|r");
  words_add_number(&perms, own_domid());
  words_add(&perms, "|");
  expect_texts("home-permissions", store_ask(XS_GET_PERMS, 0, home.text), perms.text);
  WORDS(absolute, 64);
  words_add(&absolute, home.text);
  words_add(&absolute, "/domid");
  expect_value("absolute-path", absolute.text, own.text);
}

static void check_nodes(void) {
  static const char binary[] = "data/bin\0a\0b\0\xff";
  store_write(0, "data/one", "first");
  expect_ok("write");
  expect_value("read", "data/one", "first");
  store_write(0, "data/one", "");
  expect_value("read-empty", "data/one", "");
  const struct store_reply *reply = store_request(XS_WRITE, 0, binary, sizeof binary - 1);
  check_equal("write-answer", reply->length, 3);
  reply = store_ask(XS_READ, 0, "data/bin");
  check_equal("read-bytes", reply->length, sizeof binary - 10);
  check_equal("read-bytes-same", (uint32_t)memcmp(reply->text, binary + 9, sizeof binary - 10), 0);
  store_write(0, "data/deep/er/node", "x");
  expect_ok("write-creates-parents");
  expect_value("parent-is-empty", "data/deep/er", "");
  store_ask(XS_MKDIR, 0, "data/dir");
  expect_ok("mkdir");
  store_ask(XS_MKDIR, 0, "data/dir");
  expect_ok("mkdir-again");
  reply = store_ask(XS_DIRECTORY, 0, "data/deep");
  expect_texts("directory", reply, "er|");
  reply = store_ask(XS_DIRECTORY, 0, "data/dir");
  check_equal("directory-empty", reply->length, 0);
  store_ask(XS_RM, 0, "data/deep");
  expect_ok("rm");
  expect_no_value("rm-below", "data/deep/er/node", "ENOENT");
  store_ask(XS_RM, 0, "data/deep");
  expect_ok("rm-again");
  store_ask(XS_RM, 0, "data/none/node");
  expect_error("rm-no-parent", "ENOENT");
  expect_no_value("read-missing", "data/none", "ENOENT");
  store_ask(XS_DIRECTORY, 0, "data/none");
  expect_error("directory-missing", "ENOENT");
  store_ask(XS_RM, 0, "data/one");
  store_ask(XS_RM, 0, "data/bin");
  store_ask(XS_RM, 0, "data/dir");
}

static void check_bad_paths(void) {
  static const char *const paths[] = {"", "/", "data/", "data//x", "da.ta", "data/a b", "data/\x01", "data/x:y", "/data/"};
  for (uint32_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    if (text_is(paths[i], "/")) continue;
    expect_no_value("bad-path", paths[i], "EINVAL");
  }
  memset(big, 'a', sizeof big);
  memcpy(big, "data/", 5);
  big[2200] = 0;
  expect_no_value("long-path", big, "EINVAL");
  static const char *const foreign[] = {"/", "/tool", "/local/domain/0", "/local/domain/0/name", "/libxl", "/vm"};
  for (uint32_t i = 0; i < sizeof foreign / sizeof *foreign; i++) expect_no_value("foreign-read", foreign[i], "EACCES");
  static const char *const readonly[] = {"name", "domid", "new", "device/new", "memory/target", "/tool/new", "/new",
                                         "/local/domain/0/new"};
  for (uint32_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
    store_write(0, readonly[i], "x");
    expect_error("foreign-write", "EACCES");
    store_ask(XS_MKDIR, 0, i < 2 ? "newer" : readonly[i]);
    expect_error("foreign-mkdir", "EACCES");
    store_ask(XS_RM, 0, readonly[i]);
    expect_error("foreign-rm", "EACCES");
  }
  store_ask2(XS_SET_PERMS, 0, "name", "b0");
  expect_error("foreign-set-perms", "EACCES");
}

static void check_permissions(void) {
  WORDS(own, 16);
  WORDS(joined, 32);
  WORDS(payload, 64);
  words_add(&own, "n");
  words_add_number(&own, own_domid());
  store_write(0, "data/mine", "x");
  words_add(&joined, own.text);
  words_add(&joined, "|");
  expect_texts("own-permissions", store_ask(XS_GET_PERMS, 0, "data/mine"), joined.text);
  words_add(&payload, "data/mine");
  payload.length++;
  words_add(&payload, own.text);
  payload.length++;
  words_add(&payload, "r0");
  store_request(XS_SET_PERMS, 0, payload.text, (uint32_t)payload.length + 1);
  expect_ok("set-perms");
  words_add(&joined, "r0|");
  expect_texts("set-permissions", store_ask(XS_GET_PERMS, 0, "data/mine"), joined.text);
  store_ask2(XS_SET_PERMS, 0, "data/mine", "n0");
  expect_error("give-away", "EPERM");
  store_ask2(XS_SET_PERMS, 0, "data/mine", "x1");
  expect_error("bad-permission", "EINVAL");
  store_ask(XS_SET_PERMS, 0, "data/mine");
  expect_error("no-permission", "EINVAL");
  store_ask2(XS_SET_PERMS, 0, "data/none", own.text);
  expect_error("permission-of-none", "ENOENT");
  store_ask(XS_RM, 0, "data/mine");
}

static void check_transactions(void) {
  uint32_t first = store_begin(), second;
  check("transaction", first != 0, first, "an id");
  store_write(first, "data/tx", "inside");
  expect_ok("transaction-write");
  const char *value = store_read(first, "data/tx");
  check_text("transaction-read", value ? value : "", 16, "inside");
  expect_no_value("transaction-outside", "data/tx", "ENOENT");
  check("transaction-end", store_end(first, true), 0, "OK");
  expect_value("transaction-made", "data/tx", "inside");

  first = store_begin();
  store_write(first, "data/tx", "dropped");
  check("transaction-abort", store_end(first, false), 0, "OK");
  expect_value("transaction-dropped", "data/tx", "inside");

  first = store_begin();
  second = store_begin();
  check("transaction-ids", first != second, second, "different ids");
  store_write(first, "data/tx", "first");
  store_write(second, "data/tx", "second");
  check("transaction-first", store_end(first, true), 0, "OK");
  check("transaction-second", !store_end(second, true), 0, "a conflict");
  expect_error("transaction-conflict", "EAGAIN");
  expect_value("transaction-winner", "data/tx", "first");

  first = store_begin();
  store_read(first, "data/tx");
  store_write(first, "data/other", "x");
  store_write(0, "data/tx", "between");
  store_end(first, true);
  expect_error("transaction-read-conflict", "EAGAIN");
  expect_no_value("transaction-nothing-made", "data/other", "ENOENT");

  first = store_begin();
  store_read(first, "data/absent");
  store_write(first, "data/other", "x");
  store_write(0, "data/absent", "now");
  store_end(first, true);
  expect_error("transaction-absent-conflict", "EAGAIN");
  store_ask(XS_RM, 0, "data/absent");

  first = store_begin();
  store_read(first, "data/tx");
  store_write(first, "data/other", "x");
  /* Below another node: a new child changes its parent, which the transaction has read. */
  store_write(0, "attr/unrelated", "x");
  check("transaction-no-conflict", store_end(first, true), 0, "OK");
  store_ask(XS_RM, 0, "attr/unrelated");
  store_ask(XS_RM, 0, "data/other");
  store_ask(XS_RM, 0, "data/tx");
}

static void check_bad_transactions(void) {
  uint32_t tx = store_begin();
  store_ask(XS_TRANSACTION_START, tx, "");
  expect_error("transaction-nested", "EBUSY");
  store_ask(XS_TRANSACTION_END, tx, "X");
  expect_error("transaction-bad-end", "EINVAL");
  store_ask(XS_TRANSACTION_END, 0, "T");
  expect_error("transaction-end-none", "ENOENT");
  store_ask(XS_READ, NO_TRANSACTION, "domid");
  expect_error("transaction-unknown", "ENOENT");
  store_end(tx, true);
  expect_ok("transaction-nothing-done");
  store_end(tx, true);
  expect_error("transaction-ended", "ENOENT");
  uint32_t open[16], count = 0;
  while (count < 16 && (open[count] = store_begin()) != 0) count++;
  expect_error("transaction-quota", "ENOSPC");
  check("transaction-count", count >= 10 && count < 16, count, "10 or a few more");
  while (count) store_end(open[--count], false);
  expect_ok("transaction-all-ended");
}

static void check_watches(void) {
  store_watch("data/w", "token-1");
  expect_ok("watch");
  expect_event("watch-first-event", "data/w", "token-1");
  store_write(0, "data/w", "x");
  expect_event("watch-write", "data/w", "token-1");
  store_write(0, "data/w/below/it", "x");
  expect_event("watch-below", "data/w/below/it", "token-1");
  store_write(0, "data/ww", "x");
  expect_no_event("watch-other");
  store_watch("data/w", "token-2");
  expect_event("watch-second", "data/w", "token-2");
  store_watch("data/w", "token-1");
  expect_error("watch-again", "EEXIST");
  store_ask(XS_MKDIR, 0, "data/w");
  expect_no_event("watch-mkdir-of-one-that-is");
  uint32_t tx = store_begin();
  store_write(tx, "data/w", "y");
  expect_no_event("watch-in-transaction");
  store_end(tx, true);
  struct store_event event = {"", ""};
  uint32_t seen = 0;
  while (seen < 2 && store_next_event(&event, LATER)) seen++;
  check_equal("watch-both", seen, 2);
  check_text("watch-after-commit", event.path, sizeof event.path, "data/w");
  store_unwatch("data/w", "token-2");
  expect_ok("unwatch");
  store_unwatch("data/w", "token-2");
  expect_error("unwatch-again", "ENOENT");
  store_ask(XS_RM, 0, "data/w");
  expect_event("watch-rm", "data/w", "token-1");
  expect_no_event("watch-rm-once");
  store_unwatch("data/w", "token-1");
  store_write(0, "data/w", "x");
  expect_no_event("unwatched");
  store_ask(XS_RM, 0, "data/w");
  store_ask(XS_RM, 0, "data/ww");
}

static void check_more_watches(void) {
  WORDS(absolute, 64);
  words_add(&absolute, "/local/domain/");
  words_add_number(&absolute, own_domid());
  words_add(&absolute, "/data/p/q");
  store_watch(absolute.text, "absolute");
  expect_event("watch-absolute", absolute.text, "absolute");
  store_write(0, "data/p/q", "x");
  expect_event("watch-absolute-write", absolute.text, "absolute");
  /* A watch hears of it when a node above goes. */
  store_ask(XS_RM, 0, "data/p");
  expect_event("watch-parent-gone", absolute.text, "absolute");
  store_watch("@releaseDomain", "special");
  expect_ok("watch-special");
  expect_event("watch-special-first", "@releaseDomain", "special");
  store_watch("data/a b", "bad");
  expect_error("watch-bad-path", "EINVAL");
  store_ask(XS_WATCH, 0, "data/w");
  expect_error("watch-no-token", "EINVAL");
  uint32_t tx = store_begin();
  store_ask(XS_RESET_WATCHES, 0, "");
  expect_ok("reset-watches");
  store_end(tx, true);
  expect_error("reset-ends-transactions", "ENOENT");
  store_write(0, "data/p/q", "x");
  expect_no_event("reset-took-watches");
  store_unwatch(absolute.text, "absolute");
  expect_error("reset-took-this", "ENOENT");
  store_ask(XS_RM, 0, "data/p");
}

static void check_watch_quota(void) {
  struct store_event event;
  uint32_t count = 0;
  for (;; count++) {
    WORDS(token, 16);
    words_add_number(&token, count);
    if (count == 200 || !store_watch("data/quota", token.text)) break;
    store_next_event(&event, LATER);
  }
  expect_error("watch-quota", "E2BIG");
  check("watch-count", count >= 128 && count < 200, count, "128 or a few more");
  store_ask(XS_RESET_WATCHES, 0, "");
}

static void node_path(struct words *path, uint32_t i) {
  path->length = 0;
  words_add(path, "data/q/");
  words_add_number(path, i / NODES_PER_DIRECTORY);
  words_add(path, "/");
  words_add_number(path, i);
}

static void check_node_quotas(void) {
  WORDS(path, 64);
  uint32_t count = 0;
  memset(big, 'v', sizeof big);
  big[1900] = 0;
  store_write(0, "data/large", big);
  expect_ok("large-value");
  big[1900] = 'v';
  big[3000] = 0;
  store_write(0, "data/large", big);
  expect_error("larger-value", "ENOSPC");
  store_ask(XS_RM, 0, "data/large");
  for (;; count++) {
    node_path(&path, count);
    if (count == 2 * NODE_LIMIT || !store_write(0, path.text, "")) break;
  }
  expect_error("node-quota", "ENOSPC");
  check("node-count", count > NODE_LIMIT / 2 && count <= NODE_LIMIT, count, "close to 1000");
  node_path(&path, 0);
  expect_value("node-quota-keeps", path.text, "");
  store_ask(XS_RM, 0, "data/q");
  expect_ok("rm-many");
  store_write(0, "data/q", "");
  expect_ok("node-quota-given-back");
  store_ask(XS_RM, 0, "data/q");
}

static const struct store_reply *directory_part(const char *path, uint32_t offset) {
  WORDS(payload, 64);
  words_add(&payload, path);
  payload.length++;
  words_add_number(&payload, offset);
  return store_request(XS_DIRECTORY_PART, 0, payload.text, (uint32_t)payload.length + 1);
}

static void check_directory_part(void) {
  WORDS(path, 64);
  uint32_t count = 0, bytes = 0, listed = 0;
  for (;; count++) {
    path.length = 0;
    words_add(&path, "data/dir/name-");
    words_add_number(&path, 100 + count);
    if (count == 200 || !store_write(0, path.text, "")) break;
    bytes += text_length(path.text + 9, 32) + 1;
  }
  expect_at_least("directory-names", count, 100);
  const struct store_reply *reply = store_ask(XS_DIRECTORY, 0, "data/dir");
  check_equal("directory-bytes", reply->length, bytes);
  for (uint32_t i = 0; i < reply->length; i++) listed += reply->text[i] == 0;
  check_equal("directory-count", listed, count);
  reply = directory_part("data/dir", 0);
  uint32_t generation = text_length(reply->text, reply->length) + 1;
  check_equal("directory-part-bytes", reply->length, generation + bytes + 1);
  check_equal("directory-part-end", (uint8_t)reply->text[reply->length - 1] + (uint8_t)reply->text[reply->length - 2], 0);
  reply = directory_part("data/dir", 9);
  check_equal("directory-part-rest", reply->length, generation + bytes - 9 + 1);
  reply = directory_part("data/dir", bytes);
  check_equal("directory-part-behind", reply->length, generation + 1);
  store_ask(XS_DIRECTORY_PART, 0, "data/dir");
  expect_error("directory-part-no-offset", "EINVAL");
  store_ask(XS_RM, 0, "data/dir");
}

/* Messages of many lengths, so that headers and payloads lie across the end of both rings at every place. */
static void check_lengths(void) {
  struct tally answers = {0}, values = {0};
  for (uint32_t length = 1; length < 1990; length += 41) {
    memcpy(big, "data/len", 9);
    for (uint32_t i = 0; i < length; i++) big[9 + i] = (char)(length + i * 3);
    const struct store_reply *reply = store_request(XS_WRITE, 0, big, 9 + length);
    tally_item(&answers, length, reply->type, XS_WRITE);
    reply = store_ask(XS_READ, 0, "data/len");
    bool same = reply->length == length && !memcmp(reply->text, big + 9, length);
    tally_item(&values, length, same, true);
  }
  check_tally("lengths-written", &answers);
  check_tally("lengths-read", &values);
  store_ask(XS_RM, 0, "data/len");
}

/*
 * A path without an end gets no answer from the xenstored of Xen 4.17, which then ends itself (its own assertion
 * `conn->in == NULL`; canonicalize() sets no errno before 4.18), and no domain of the host has a store any more.
 */
static bool ends_xenstored(void) {
  return real_xen() && real_xen() < XEN_RELEASE(4, 18);
}

static void check_bad_paths_in_requests(void) {
  store_request(XS_READ, 0, "domid", 5);
  expect_error("no-end", "EINVAL");
  store_request(XS_READ, 0, NULL, 0);
  expect_error("no-payload", "EINVAL");
  store_request(XS_READ, 0, "domid\0domid", 12);
  expect_error("two-paths", "EINVAL");
  memset(big, 'z', sizeof big);
  store_request(XS_READ, 0, big, sizeof big);
  expect_error("largest-message", "EINVAL");
}

static void check_bad_requests(void) {
  static const uint8_t privileged[] = {XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_IS_DOMAIN_INTRODUCED, XS_RESUME,
                                       XS_SET_TARGET};
  static const uint8_t unknown[] = {XS_WATCH_EVENT, XS_ERROR, 20, 23, 99, 255};
  for (uint32_t i = 0; i < sizeof privileged; i++) {
    store_request(privileged[i], 0, "1\0001\0001", 6);
    expect_error("privileged", "EACCES");
  }
  for (uint32_t i = 0; i < sizeof unknown; i++) {
    store_ask(unknown[i], 0, "data");
    expect_error("unknown-request", "ENOSYS");
  }
  if (!ends_xenstored()) check_bad_paths_in_requests();
  store_request(XS_WRITE, 0, "data/x", 6);
  expect_error("write-no-end", "EINVAL");
  expect_value("still-there", "control/shutdown", "");
}

/* xenstored does not listen any more to who sends this; an error is as good. The guest itself goes on. */
static void check_too_long(void) {
  const struct store_header header = {XS_READ, 1, 0, STORE_PAYLOAD_MAX + 1};
  store_send(&header, sizeof header);
  const struct store_reply *reply = store_receive(SOON);
  check("too-long", !reply || reply->type == XS_ERROR, reply ? reply->type : 0, "no answer, or an error");
}

_Noreturn void guest_main(void) {
  events_init();
  if (!store_init()) {
    check("store", false, 0, "a ring and a port");
    finish();
  }
  check_toolstack_nodes();
  wait_by_halting();
  check_nodes();
  check_bad_paths();
  check_permissions();
  check_transactions();
  check_bad_transactions();
  check_watches();
  check_more_watches();
  check_watch_quota();
  check_directory_part();
  check_lengths();
  check_node_quotas();
  check_bad_requests();
  check_too_long();
  finish();
}
