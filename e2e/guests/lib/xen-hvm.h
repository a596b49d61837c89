/* HVM_OP (public/hvm/hvm_op.h, public/hvm/params.h). */
#pragma once
#include <stdint.h>

enum {
  HVMOP_SET_PARAM = 0,
  HVMOP_GET_PARAM = 1,
  HVMOP_FLUSH_TLBS = 5,
  HVMOP_GET_TIME = 10,
  HVMOP_SET_EVTCHN_UPCALL_VECTOR = 23,
};

enum {
  HVM_PARAM_CALLBACK_IRQ = 0,
  HVM_PARAM_STORE_PFN = 1,
  HVM_PARAM_STORE_EVTCHN = 2,
  HVM_PARAM_CONSOLE_PFN = 17,
  HVM_PARAM_CONSOLE_EVTCHN = 18,
  HVM_NR_PARAMS = 39,
};

#define CALLBACK_VIA_VECTOR (2ull << 56)

struct xen_hvm_param {
  uint16_t domid;
  uint16_t pad;
  uint32_t index;
  uint64_t value;
};

struct xen_hvm_evtchn_upcall_vector {
  uint32_t vcpu;
  uint8_t vector;
};

_Static_assert(sizeof(struct xen_hvm_param) == 16, "xen_hvm_param");
_Static_assert(sizeof(struct xen_hvm_evtchn_upcall_vector) == 8, "xen_hvm_evtchn_upcall_vector");
