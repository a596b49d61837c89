#include "shared-info.h"
#include "address.h"
#include "boot.h"
#include "hypercall.h"
#include "verdict.h"
#include "xen-memory.h"
#include "xen-vcpu.h"
#ifdef __x86_64__
#include "pv-start-info.h"
#else
static uint8_t page[PAGE_SIZE] ZEROED_PAGES;
#endif

volatile struct shared_info *shared_info;

static volatile struct vcpu_info *registered[LEGACY_MAX_VCPUS];

long shared_info_place(unsigned long frame) {
  struct xen_add_to_physmap place = {DOMID_SELF, 0, XENMAPSPACE_SHARED_INFO, 0, frame};
  return hypercall_pointer(HYPERCALL_MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, &place);
}

void shared_info_map(void) {
  if (shared_info || !on_xen()) return;
#ifdef __x86_64__
  shared_info = frame_pointer(start_info->shared_info / PAGE_SIZE);
#else
  long result = shared_info_place(frame_of(page));
  if (result) check_equal("place-shared-info", (unsigned long)result, 0);
  shared_info = (volatile struct shared_info *)page;
#endif
}

volatile struct vcpu_info *vcpu_info(unsigned vcpu) {
  return registered[vcpu] ? registered[vcpu] : &shared_info->vcpu_info[vcpu];
}

long register_vcpu_info(unsigned vcpu, volatile struct vcpu_info *place) {
  struct vcpu_register_vcpu_info info = {frame_of(place), (uint32_t)(physical_address(place) % PAGE_SIZE), 0};
  long result = hypercall_vcpu(VCPUOP_REGISTER_VCPU_INFO, vcpu, &info);
  if (!result) registered[vcpu] = place;
  return result;
}
