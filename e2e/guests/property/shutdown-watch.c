/*
 * Does what the toolstack asks for through the store, as a kernel does: control/shutdown and control/sysrq, memory/target
 * (a balloon), cpu/N/availability. Prints a line for each. `quiet=balloon` leaves memory as it is.
 */
#include "address.h"
#include "boot.h"
#include "clock.h"
#include "console.h"
#include "events.h"
#include "hypercall.h"
#include "power.h"
#include "smp.h"
#include "text.h"
#include "verdict.h"
#include "wait.h"
#include "words.h"
#include "xen-memory.h"
#include "xenstore.h"

#define FOR_EVER (1000000 * SECOND)
/* Pages that can be ballooned out: memory that nobody uses, from the end of RAM downwards, at most this many. */
#define MAX_BALLOON 262144u
#define KIB_PER_PAGE 4

static uint32_t ballooned;

static void say(const char *what, const char *value) {
  print("watch: ");
  print(what);
  print("=");
  print_untrusted(value, 64);
  print("\n");
}

static void shut_down(void) {
  char word[32] = "";
  const char *value;
  uint32_t tx;
  /* Acknowledged in the transaction that read it, so that no word that comes in between is lost. */
  do {
    tx = store_begin();
    value = store_read(tx, "control/shutdown");
    if (!value || !*value) {
      store_end(tx, false);
      return;
    }
    memset(word, 0, sizeof word);
    memcpy(word, value, text_length(value, sizeof word - 1));
    store_write(tx, "control/shutdown", "");
  } while (!store_end(tx, true) && text_is(store_error(), "EAGAIN"));
  say("shutdown", word);
  if (text_is(word, "poweroff") || text_is(word, "halt")) power_off();
  if (text_is(word, "reboot")) reboot();
  if (text_is(word, "crash")) crash();
  print("watch: unknown word\n");
}

static void sysrq(void) {
  char letter[8] = "";
  const char *value = store_read(0, "control/sysrq");
  if (!value || !*value) return;
  memcpy(letter, value, 1);
  store_write(0, "control/sysrq", "");
  say("sysrq", letter);
  if (letter[0] == 'o') power_off();
  if (letter[0] == 'b') reboot();
  if (letter[0] == 'c') crash();
}

static unsigned long last_frame(void) {
  return (unsigned long)(boot()->memory / PAGE_SIZE) - 1;
}

/* Takes one page from the end of RAM, or gives the last one back. */
static bool balloon(bool inflate) {
  unsigned long frame = last_frame() - (inflate ? ballooned : ballooned - 1);
  struct xen_memory_reservation one = {&frame, 1, 0, 0, DOMID_SELF};
  long done = hypercall_pointer(HYPERCALL_MEMORY_OP, inflate ? XENMEM_DECREASE_RESERVATION : XENMEM_POPULATE_PHYSMAP, &one);
  if (done != 1) return false;
  ballooned += inflate ? 1 : -1u;
  return true;
}

static void adjust_memory(void) {
  uint64_t target = store_read_number(0, "memory/target", 0);
  if (!target || option_is(boot()->cmdline, "quiet", "balloon")) return;
  uint64_t all = boot()->memory / 1024;
  uint64_t wanted = target < all ? (all - target) / KIB_PER_PAGE : 0;
  /* Half of RAM is far more than the guest needs for itself. */
  uint64_t most = all / KIB_PER_PAGE / 2;
  if (wanted > most) wanted = most;
  if (wanted > MAX_BALLOON) wanted = MAX_BALLOON;
  bool went = true;
  while (went && ballooned < wanted) went = balloon(true);
  while (went && ballooned > wanted) went = balloon(false);
  uint16_t self = DOMID_SELF;
  long current = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_CURRENT_RESERVATION, &self);
  print("watch: target=");
  print_decimal(target);
  print(" ballooned=");
  print_decimal(ballooned);
  print(" reservation=");
  print_decimal((uint64_t)current);
  print(went ? "\n" : " stuck\n");
}

static void other_vcpu(unsigned vcpu) {
  (void)vcpu;
}

/* cpu/N or cpu/N/availability. Another vCPU runs, and at once goes down again: that it can be started is what is shown. */
static void vcpu_changed(const char *path) {
  WORDS(node, 64);
  uint64_t vcpu = 0;
  if (!text_begins(path, "cpu/")) return;
  for (path += 4; *path >= '0' && *path <= '9'; path++) vcpu = vcpu * 10 + (uint64_t)(*path - '0');
  words_add(&node, "cpu/");
  words_add_number(&node, (uint32_t)vcpu);
  words_add(&node, "/availability");
  const char *state = store_read(0, node.text);
  if (!state) return;
  char copy[16] = "";
  memcpy(copy, state, text_length(state, sizeof copy - 1));
  print("watch: cpu ");
  print_decimal(vcpu);
  print(" availability=");
  print_untrusted(copy, sizeof copy);
  put_char('\n');
  if (!vcpu || vcpu >= vcpu_count() || !text_is(copy, "online") || vcpu_is_up((unsigned)vcpu) != 0) return;
  long result = vcpu_initialise((unsigned)vcpu, other_vcpu);
  if (!result || result == XEN_EEXIST) result = vcpu_up((unsigned)vcpu);
  print(result ? "watch: vcpu failed\n" : "watch: vcpu started\n");
}

static void dispatch(const struct store_event *event) {
  if (text_is(event->token, "shutdown"))
    shut_down();
  else if (text_is(event->token, "sysrq"))
    sysrq();
  else if (text_is(event->token, "target"))
    adjust_memory();
  else if (text_is(event->token, "cpu"))
    vcpu_changed(event->path);
}

_Noreturn void guest_main(void) {
  struct store_event event;
  events_init();
  if (!store_init()) {
    check("store", false, 0, "a ring and a port");
    finish();
  }
  wait_by_halting();
  store_write(0, "control/feature-poweroff", "1");
  store_write(0, "control/feature-reboot", "1");
  store_watch("control/shutdown", "shutdown");
  store_watch("control/sysrq", "sysrq");
  store_watch("memory/target", "target");
  store_watch("cpu", "cpu");
  print("watch: ready\n");
  for (;;)
    if (store_next_event(&event, FOR_EVER)) dispatch(&event);
}
