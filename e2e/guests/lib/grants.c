#include "grants.h"
#include "address.h"
#include "hypercall.h"
#include "verdict.h"
#include "xen-memory.h"

volatile struct grant_entry *grant_table;

static uint8_t frames[GRANT_FRAMES][PAGE_SIZE] ZEROED_PAGES;
static bool taken[GRANT_ENTRIES];
static uint32_t used;

void grants_init(void) {
  if (grant_table) return;
  for (unsigned i = GRANT_FRAMES; i-- > 0;) {
    struct xen_add_to_physmap place = {DOMID_SELF, 0, XENMAPSPACE_GRANT_TABLE, i, frame_of(frames[i])};
    long result = hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place);
    if (!result) continue;
    check_equal("place-grant-frame", (uint32_t)result, 0);
    finish();
  }
  grant_table = (volatile struct grant_entry *)frames;
}

/* Frame and domain are there before the flags say that they count. */
uint32_t grant_frame(unsigned domid, unsigned long frame, bool readonly) {
  for (uint32_t ref = FIRST_FREE_GRANT; ref < GRANT_ENTRIES; ref++) {
    if (taken[ref]) continue;
    taken[ref] = true;
    used++;
    grant_table[ref].frame = (uint32_t)frame;
    grant_table[ref].domid = (uint16_t)domid;
    __atomic_store_n(&grant_table[ref].flags, GTF_PERMIT_ACCESS | (readonly ? GTF_READONLY : 0), __ATOMIC_SEQ_CST);
    return ref;
  }
  return NO_GRANT;
}

uint32_t grant_access(unsigned domid, const volatile void *page, bool readonly) {
  return grant_frame(domid, frame_of(page), readonly);
}

bool grant_in_use(uint32_t ref) {
  return __atomic_load_n(&grant_table[ref].flags, __ATOMIC_SEQ_CST) & (GTF_READING | GTF_WRITING);
}

/* A peer may begin to use the grant between the look and the change, so that this is one exchange. */
bool grant_end(uint32_t ref) {
  uint16_t flags = grant_table[ref].flags;
  do {
    if (flags & (GTF_READING | GTF_WRITING)) return false;
  } while (!__atomic_compare_exchange_n(&grant_table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  taken[ref] = false;
  used--;
  return true;
}

uint32_t grants_used(void) {
  return used;
}

long grant_operation(unsigned command, volatile void *argument, unsigned count) {
  return hypercall(HYPERCALL_GRANT_TABLE_OP, command, (unsigned long)argument, count);
}
