#include "own-domain.h"
#include "events.h"
#include "hypercall.h"
#include "verdict.h"
#include "xen-hvm.h"

unsigned own_domid(void) {
  static unsigned domid;
  if (domid) return domid;
  long port = alloc_unbound(DOMID_SELF, DOMID_SELF);
  struct evtchn_status status = {.dom = DOMID_SELF, .port = (uint32_t)port};
  long result = port > 0 ? hypercall_pointer(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_STATUS, &status) : port;
  if (result || status.status != EVTCHNSTAT_UNBOUND) {
    check("own-domid", false, (unsigned long)result, "the status of an unbound port");
    finish();
  }
  event_close((unsigned)port);
  return domid = status.u.unbound_dom;
}

bool hvm_param(uint32_t index, uint64_t *value) {
  struct xen_hvm_param param = {DOMID_SELF, 0, index, 0};
  if (hypercall_pointer(HYPERCALL_HVM_OP, HVMOP_GET_PARAM, &param)) return false;
  *value = param.value;
  return true;
}
