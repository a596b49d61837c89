#include "cpu.h"
#include "fuzz.h"
#include "hypercall.h"
#include "text.h"
#include "xen-event-channel.h"
#include "xen-grant.h"
#include "xen-memory.h"
#include "xen-sched.h"
#include "xen-vcpu.h"

#define MULTICALL_MAX 16
#define VCPUS 4
#define LIST_MAX 33
/* More extents than a call could count, whose remainder goes into its command. */
#define REFUSED_EXTENTS (1ul << 26)

struct call {
  unsigned long number;
  unsigned long arguments[5];
};

/* Larger than what a small frame needs to reach the image, smaller than what is refused: 2^4 to 2^9 pages. */
static bool reaches_far(uint32_t order) {
  return order >= 4 && order <= 9;
}

static bool in_arena(const void *pointer, uint32_t room) {
  return (const uint8_t *)pointer >= arena && (const uint8_t *)pointer + room <= arena + ARENA_PAGES * PAGE_SIZE;
}

/* Frames that the guest can do without, in a list that is in the arena; elsewhere nothing can be read. */
static void tame_list(unsigned long *list, uint32_t count) {
  if (!in_arena(list, count * sizeof *list)) return;
  for (uint32_t i = 0; i < count; i++) list[i] = some_frame();
}

static void tame_reservation(struct xen_memory_reservation *reservation) {
  if (reaches_far(reservation->extent_order)) reservation->extent_order = 2;
  if (reservation->nr_extents > LIST_MAX && reservation->nr_extents < REFUSED_EXTENTS) reservation->nr_extents = LIST_MAX;
  tame_list(reservation->extents, LIST_MAX);
}

/* Fields that could take away the guest's own pages are put right; everything else stays as it is. */
static void tame_memory_op(struct call *call) {
  void *argument = (void *)call->arguments[1];
  if (argument == BAD_POINTER) return;
  if (!in_arena(argument, 256)) {
    /* Too close to the end for any structure. */
    call->arguments[1] = (unsigned long)arena + ARENA_PAGES * PAGE_SIZE - random_below(&fuzz_random, 8);
    return;
  }
  struct xen_memory_reservation *reservation = argument;
  struct xen_add_to_physmap *place = argument;
  struct xen_add_to_physmap_batch *batch = argument;
  switch (call->arguments[0] & 63) {
    case XENMEM_INCREASE_RESERVATION:
    case XENMEM_DECREASE_RESERVATION:
    case XENMEM_POPULATE_PHYSMAP:
      tame_reservation(reservation);
      break;
    case XENMEM_EXCHANGE:
      tame_reservation(reservation);
      tame_reservation(reservation + 1);
      break;
    case XENMEM_ADD_TO_PHYSMAP:
      if (place->space == XENMAPSPACE_GMFN_RANGE && place->size >= 16) place->size &= 15;
      break;
    case XENMEM_ADD_TO_PHYSMAP_BATCH:
      if (batch->size > LIST_MAX) batch->size = LIST_MAX;
      tame_list(batch->idxs, LIST_MAX);
      tame_list(batch->gpfns, LIST_MAX);
      break;
  }
}

/* Structures that are right but for what is random in them get further than random bytes. */
static void make_memory_op(struct call *call) {
  static const uint8_t commands[] = {0, 1, 2, 3, 4, 6, 7, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 23, 24, 26, 27, 28, 29, 63};
  unsigned long *list = arena_pointer(64 * sizeof(long));
  uint8_t *argument = (uint8_t *)(call->arguments[1] = some_pointer());
  call->arguments[0] = commands[random_below(&fuzz_random, sizeof commands)];
  if (!random_below(&fuzz_random, 16)) call->arguments[0] |= (unsigned long)random_next(&fuzz_random) << 6;
  if (in_arena(argument, 64) && random_below(&fuzz_random, 4)) {
    uint32_t count = random_below(&fuzz_random, LIST_MAX);
    switch (call->arguments[0]) {
      case XENMEM_INCREASE_RESERVATION:
      case XENMEM_DECREASE_RESERVATION:
      case XENMEM_POPULATE_PHYSMAP:
        memcpy(argument, &(struct xen_memory_reservation){list, count, random_below(&fuzz_random, 3), 0, DOMID_SELF},
               sizeof(struct xen_memory_reservation));
        break;
      case XENMEM_ADD_TO_PHYSMAP:
        memcpy(argument,
               &(struct xen_add_to_physmap){DOMID_SELF, (uint16_t)random_below(&fuzz_random, 8),
                                            random_below(&fuzz_random, 7), some_frame(), some_frame()},
               sizeof(struct xen_add_to_physmap));
        if (random_below(&fuzz_random, 2)) ((struct xen_add_to_physmap *)argument)->idx = random_below(&fuzz_random, 4);
        break;
      case XENMEM_ADD_TO_PHYSMAP_BATCH:
        memcpy(argument,
               &(struct xen_add_to_physmap_batch){DOMID_SELF, (uint16_t)random_below(&fuzz_random, 6), (uint16_t)count, 0,
                                                  list, list, arena_pointer(256)},
               sizeof(struct xen_add_to_physmap_batch));
        break;
      case XENMEM_REMOVE_FROM_PHYSMAP:
        memcpy(argument, &(struct xen_remove_from_physmap){DOMID_SELF, some_frame()},
               sizeof(struct xen_remove_from_physmap));
        break;
    }
  }
  tame_memory_op(call);
}

static void make_grant_op(struct call *call) {
  call->arguments[0] = random_below(&fuzz_random, 15);
  call->arguments[1] = some_pointer();
  call->arguments[2] = random_below(&fuzz_random, 4) ? random_below(&fuzz_random, 5) : some_number();
  struct gnttab_map_grant_ref map = {(uint64_t)some_frame() * PAGE_SIZE + random_below(&fuzz_random, 2), GNTMAP_HOST_MAP,
                                     8 + random_below(&fuzz_random, 64), 1, 0, 0, 0};
  struct gnttab_copy copy = {.len = (uint16_t)random_next(&fuzz_random), .flags = (uint16_t)random_below(&fuzz_random, 8)};
  copy.source.gmfn = some_frame();
  copy.dest.gmfn = some_frame();
  copy.source.domid = copy.dest.domid = DOMID_SELF;
  void *argument = (void *)call->arguments[1];
  if (!in_arena(argument, 64) || !random_below(&fuzz_random, 3)) return;
  if (call->arguments[0] == GNTTABOP_MAP_GRANT_REF) memcpy(argument, &map, sizeof map);
  if (call->arguments[0] == GNTTABOP_COPY) memcpy(argument, &copy, sizeof copy);
}

/* Stopping or starting vCPUs would end the guest; the rest of the operations stay. */
static bool make_vcpu_op(struct call *call) {
  call->arguments[0] = random_below(&fuzz_random, 16);
  call->arguments[1] = random_below(&fuzz_random, 8) ? random_below(&fuzz_random, VCPUS) : some_number();
  call->arguments[2] = some_pointer();
  bool is_boot_vcpu = (uint32_t)call->arguments[1] == 0;
  if (call->arguments[0] == VCPUOP_UP) return is_boot_vcpu;
  if (call->arguments[0] == VCPUOP_DOWN) return !is_boot_vcpu;
  return true;
}

/* Without those that end the guest or let it sleep for ever. */
static bool make_sched_op(struct call *call, bool in_multicall) {
  static uint32_t ports[8];
  call->arguments[0] = random_below(&fuzz_random, 10);
  switch (call->arguments[0]) {
    case SCHEDOP_BLOCK:
    case SCHEDOP_SHUTDOWN:
    case 5: /* shutdown_code: would say why the guest ends later. */
    case SCHEDOP_WATCHDOG:
      return false;
    case SCHEDOP_POLL: {
      /* What else the multicall makes up could change its time. */
      if (in_multicall) return false;
      struct sched_poll *poll = arena_pointer(64);
      for (uint32_t i = 0; i < 8; i++) ports[i] = (uint32_t)some_number();
      /* A time that has always passed already. */
      *poll = (struct sched_poll){ports, (uint32_t)some_number(), 1};
      call->arguments[1] = (unsigned long)poll;
      return true;
    }
  }
  return true;
}

static void make_event_op(struct call *call) {
  uint32_t *words = (uint32_t *)(call->arguments[1] = some_pointer());
  call->arguments[0] = random_below(&fuzz_random, 16);
  if (!in_arena(words, 64) || !random_below(&fuzz_random, 4)) return;
  for (uint32_t i = 0; i < 4; i++) words[i] = random_below(&fuzz_random, 40);
  if (call->arguments[0] != EVTCHNOP_INIT_CONTROL && call->arguments[0] != EVTCHNOP_EXPAND_ARRAY) return;
  uint64_t frame = some_frame();
  memcpy(words, &frame, sizeof frame);
}

static bool make_call(struct call *call, bool in_multicall);

/* Whole entries at the arena's end, so that a count beyond them meets a fault. */
static bool make_multicall(struct call *call) {
  uint32_t count = 1 + random_below(&fuzz_random, MULTICALL_MAX);
  /* An entry is the number, the result and six arguments. */
  unsigned long *entries = (unsigned long *)(arena + ARENA_PAGES * PAGE_SIZE) - count * 8;
  struct call inner[MULTICALL_MAX];
  for (uint32_t i = 0; i < count; i++)
    while (!make_call(&inner[i], true)) continue;
  for (uint32_t i = 0; i < count; i++) {
    memset(entries + i * 8, 0, 8 * sizeof(long));
    entries[i * 8] = inner[i].number;
    memcpy(entries + i * 8 + 2, inner[i].arguments, sizeof inner[i].arguments);
  }
  call->arguments[0] = (unsigned long)entries;
  call->arguments[1] = random_below(&fuzz_random, 4) ? count : some_number();
  return true;
}

/* False for a call that the guest would not survive. */
static bool make_call(struct call *call, bool in_multicall) {
  static const uint8_t often[] = {HYPERCALL_MEMORY_OP,   HYPERCALL_GRANT_TABLE_OP, HYPERCALL_VCPU_OP,   HYPERCALL_SCHED_OP,
                                  HYPERCALL_EVENT_CHANNEL_OP, HYPERCALL_HVM_OP,    HYPERCALL_MULTICALL, HYPERCALL_MMUEXT_OP};
  bool is_any = !random_below(&fuzz_random, 4);
  call->number = is_any ? random_below(&fuzz_random, 64) : often[random_below(&fuzz_random, sizeof often)];
  for (uint32_t i = 0; i < 5; i++) call->arguments[i] = random_below(&fuzz_random, 2) ? some_number() : some_pointer();
  call->arguments[1] = random_below(&fuzz_random, 4) ? some_pointer() : call->arguments[1];
  switch (call->number) {
    case HYPERCALL_IRET:
      return false;
    case HYPERCALL_MEMORY_OP:
      make_memory_op(call);
      return true;
    case HYPERCALL_GRANT_TABLE_OP:
      make_grant_op(call);
      return true;
    case HYPERCALL_VCPU_OP:
      return make_vcpu_op(call);
    case HYPERCALL_SCHED_OP:
      return make_sched_op(call, in_multicall);
    case HYPERCALL_EVENT_CHANNEL_OP:
      make_event_op(call);
      return true;
    case HYPERCALL_HVM_OP:
      call->arguments[0] = random_below(&fuzz_random, 28);
      return true;
    case HYPERCALL_MULTICALL:
      return !in_multicall && make_multicall(call);
    case HYPERCALL_CONSOLE_IO:
      /* Output has better uses. */
      call->arguments[0] = random_below(&fuzz_random, 3);
      call->arguments[1] = random_below(&fuzz_random, 8) ? random_below(&fuzz_random, 8) : some_number();
      call->arguments[2] = random_below(&fuzz_random, 2) ? (unsigned long)BAD_POINTER : some_pointer();
      return call->arguments[0] != CONSOLEIO_WRITE || call->arguments[1] < 8;
    case HYPERCALL_XEN_VERSION:
      call->arguments[0] = random_below(&fuzz_random, 12);
      return true;
  }
  return true;
}

void fuzz_hypercall(void) {
  struct call call;
  if (!make_call(&call, false)) return;
  const unsigned long *a = call.arguments;
  hypercall5((unsigned)call.number, a[0], a[1], a[2], a[3], a[4]);
}
