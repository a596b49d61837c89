/*
 * Random hypercalls, MSRs, ports, addresses, and random contents of all memory that the hypervisor and its back ends share
 * with the guest. `seed=N` (default 1), `count=N` (default 20000) and `verbose=yes` on the command line. Survives and
 * powers off, or something is broken: with the seed and the last number of verbose output it can be found.
 */
#include "fuzz.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "events.h"
#include "grants.h"
#include "hypercall.h"
#include "interrupts.h"
#include "pv-console.h"
#include "smp.h"
#include "text.h"
#include "verdict.h"
#include "xen-hvm.h"
#include "xen-memory.h"
#include "xenstore.h"

#define DEFAULT_SEED 1
#define DEFAULT_COUNT 20000
#define PROGRESS 1000
/* Rounds between two looks at what waits to be injected, and between two fillings of the arena's holes. */
#define WINDOW 64
#define REFILL 512

struct random fuzz_random;
uint8_t *arena;
unsigned long arena_frame;

static void *jump[5];
static void (*volatile current)(void);

static void come_back(struct interrupt_frame *frame) {
  (void)frame;
  __builtin_longjmp(jump, 1);
}

void attempts_init(void) {
  for (unsigned vector = 0; vector < 256; vector++) interrupt_handle((uint8_t)vector, come_back);
}

/* Kept out of line: what lies in registers when it comes back a second time is lost. */
__attribute__((noinline)) void attempt(void (*action)(void)) {
  current = action;
  if (!__builtin_setjmp(jump)) current();
  interrupts_off();
}

void *arena_pointer(uint32_t room) {
  return arena + random_below(&fuzz_random, (ARENA_PAGES * PAGE_SIZE - room) / 8) * 8;
}

unsigned long some_frame(void) {
  switch (random_below(&fuzz_random, 8)) {
    case 0:
      return ABSENT_FRAME + random_below(&fuzz_random, 16);
    case 1:
      return random_below(&fuzz_random, 64);
    case 2:
      return arena_frame + ARENA_PAGES + random_below(&fuzz_random, 0x1000);
    default:
      return arena_frame + random_below(&fuzz_random, ARENA_PAGES);
  }
}

/* Small ones leave out 4 to 15, so that no order of an extent reaches from a low frame to the guest's image. */
unsigned long some_number(void) {
  switch (random_below(&fuzz_random, 10)) {
    case 0:
    case 1:
    case 2:
      return random_below(&fuzz_random, 4);
    case 3:
      return 16 + random_below(&fuzz_random, 48);
    case 4:
      return ~0ul - random_below(&fuzz_random, 4);
    case 5:
      return ~0ul << (1 + random_below(&fuzz_random, 8 * sizeof(long) - 1)) | (1ul << (8 * sizeof(long) - 1));
    case 6:
      return 0x7ff0 + random_below(&fuzz_random, 6);
    case 7:
      return some_frame();
    default:
      return (unsigned long)arena_pointer(16);
  }
}

unsigned long some_pointer(void) {
  if (!random_below(&fuzz_random, 16)) return (unsigned long)BAD_POINTER;
  if (!random_below(&fuzz_random, 32)) return (unsigned long)arena + ARENA_PAGES * PAGE_SIZE - random_below(&fuzz_random, 24);
  unsigned long *pointer = arena_pointer(256);
  for (uint32_t i = 0; i < 128 / sizeof *pointer; i++) pointer[i] = some_number();
  return (unsigned long)pointer;
}

/* Interrupts may come; the callback vector is what it should be, at least before. */
static void open_window(void) {
  set_callback_vector(EVENT_VECTOR);
  take_interrupts();
}

/* Much of the arena has been given away by then. */
static void refill(void) {
  static unsigned long frames[ARENA_PAGES];
  struct xen_memory_reservation reservation = {frames, 1, 0, 0, DOMID_SELF};
  for (uint32_t i = 0; i < ARENA_PAGES; i++) frames[i] = arena_frame + i;
  for (; reservation.extents < frames + ARENA_PAGES; reservation.extents++)
    hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_POPULATE_PHYSMAP, &reservation);
}

static void one_round(void) {
  switch (random_below(&fuzz_random, 16)) {
    case 0:
      attempt(fuzz_msr);
      break;
    case 1:
      attempt(fuzz_port);
      break;
    case 2:
      attempt(fuzz_memory);
      break;
    case 3:
    case 4:
      fuzz_shared_memory();
      break;
    case 5:
      fuzz_store_message();
      break;
    default:
      attempt(fuzz_hypercall);
  }
}

static void run(uint32_t count, bool verbose) {
  for (uint32_t i = 0; i < count; i++) {
    if (verbose || i % PROGRESS == 0) {
      print("fuzz: ");
      print_decimal(i);
      put_char('\n');
    }
    one_round();
    if (i % WINDOW == 0) attempt(open_window);
    if (i % REFILL == 0) refill();
  }
}

_Noreturn void guest_main(void) {
  uint64_t seed = DEFAULT_SEED, count = DEFAULT_COUNT;
  option_number(boot()->cmdline, "seed", &seed);
  option_number(boot()->cmdline, "count", &count);
  events_init();
  grants_init();
  store_init();
  pv_console_init();
  fuzz_random.state = seed;
  arena_frame = (unsigned long)(boot()->memory / PAGE_SIZE) - ARENA_PAGES;
  arena_map(arena_frame);
  arena = frame_pointer(arena_frame);
  memset(arena, 0, ARENA_PAGES * PAGE_SIZE);
  attempts_init();
  run((uint32_t)count, option_is(boot()->cmdline, "verbose", "yes"));
  print("fuzz: done\n");
  check("survived", true, count, "rounds");
  finish();
}
