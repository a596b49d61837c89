#include "pv-console.h"
#include "address.h"
#include "clock.h"
#include "events.h"
#include "own-domain.h"
#include "text.h"
#include "wait.h"
#include "xen-hvm.h"
#ifdef __x86_64__
#include "pv-start-info.h"
#endif

#define PRINT_TIMEOUT (20 * SECOND)

volatile struct console_ring *console_ring;
unsigned console_port;

#ifdef __x86_64__
static unsigned long find(void) {
  console_port = start_info->console_evtchn;
  return start_info->console_mfn;
}
#else
static unsigned long find(void) {
  uint64_t page = 0, port = 0;
  if (!hvm_param(HVM_PARAM_CONSOLE_PFN, &page) || !hvm_param(HVM_PARAM_CONSOLE_EVTCHN, &port)) return 0;
  console_port = (unsigned)port;
  return (unsigned long)page;
}
#endif

bool pv_console_init(void) {
  shared_info_map();
  unsigned long frame = find();
  if (!frame || !console_port) return false;
  console_ring = frame_pointer(frame);
  event_unmask(console_port);
  return true;
}

uint32_t pv_console_put(const void *bytes, uint32_t length) {
  const uint8_t *from = bytes;
  uint32_t prod = console_ring->out_prod;
  uint32_t used = prod - __atomic_load_n(&console_ring->out_cons, __ATOMIC_SEQ_CST);
  uint32_t room = used > CONSOLE_OUT_SIZE ? 0 : CONSOLE_OUT_SIZE - used;
  uint32_t count = length < room ? length : room;
  for (uint32_t i = 0; i < count; i++) console_ring->out[(prod + i) % CONSOLE_OUT_SIZE] = from[i];
  __atomic_store_n(&console_ring->out_prod, prod + count, __ATOMIC_SEQ_CST);
  if (count) event_send(console_port);
  return count;
}

static bool has_room(void *context) {
  (void)context;
  return console_ring->out_prod - console_ring->out_cons < CONSOLE_OUT_SIZE;
}

bool pv_console_write(const void *bytes, uint32_t length, uint32_t chunk, uint64_t timeout) {
  const uint8_t *from = bytes;
  while (length) {
    uint32_t count = pv_console_put(from, length < chunk ? length : chunk);
    from += count;
    length -= count;
    if (!count && !wait_until(has_room, NULL, timeout)) return false;
  }
  return true;
}

uint32_t pv_console_take(void *to, uint32_t room) {
  uint8_t *bytes = to;
  uint32_t cons = console_ring->in_cons;
  uint32_t ready = __atomic_load_n(&console_ring->in_prod, __ATOMIC_SEQ_CST) - cons;
  uint32_t count = ready < room ? ready : room;
  for (uint32_t i = 0; i < count; i++) bytes[i] = console_ring->in[(cons + i) % CONSOLE_IN_SIZE];
  __atomic_store_n(&console_ring->in_cons, cons + count, __ATOMIC_SEQ_CST);
  if (count) event_send(console_port);
  return count;
}

static bool has_input(void *context) {
  (void)context;
  return console_ring->in_prod != console_ring->in_cons;
}

bool pv_console_wait(uint64_t timeout) {
  return wait_until(has_input, NULL, timeout);
}

void pv_console_print(const char *text) {
  pv_console_write(text, text_length(text, 1u << 20), 16, PRINT_TIMEOUT);
}
