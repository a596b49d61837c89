import {
  CALLBACK_TYPE,
  DOMID,
  HVM_PARAM,
  HVMOP,
  XEN_ERRNO,
  xenHvmEvtchnUpcallVector,
  xenHvmParam,
} from "@pvh/abi";
import { Argument } from "./argument.ts";
import { HVM_PARAMS } from "./domain-state.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import type { Hypercall } from "./hypercalls.ts";
import { latchSharedInfo } from "./xen.ts";

const argument = new Argument(xenHvmParam.size);
const { fields } = xenHvmParam;

/** Params that a guest may set, and those that it may only read (hvm_allow_set_param, hvm_allow_get_param of Xen 4.17). */
const WRITABLE = [
  HVM_PARAM.CALLBACK_IRQ,
  HVM_PARAM.STORE_EVTCHN,
  HVM_PARAM.VM86_TSS,
  HVM_PARAM.CONSOLE_EVTCHN,
  HVM_PARAM.ACPI_IOPORTS_LOCATION,
  HVM_PARAM.VM_GENERATION_ID_ADDR,
  HVM_PARAM.X87_FIP_WIDTH,
  HVM_PARAM.VM86_TSS_SIZED,
] as const;
const READABLE = [...WRITABLE, HVM_PARAM.STORE_PFN, HVM_PARAM.CONSOLE_PFN, HVM_PARAM.ALTP2M] as const;
const DEPRECATED = [4, 13, 20, 21, 22, 23, 24, 25, 26, 30] as const;

/** hvm_op(op, arg) (public/hvm/hvm_op.h). */
export function hvmOp(call: Hypercall): number {
  switch (call.low[0]) {
    case HVMOP.set_param:
      return setParam(call);
    case HVMOP.get_param:
      return getParam(call);
    case HVMOP.flush_tlbs:
      // Its argument is reserved and must be null.
      if (call.low[1] !== 0 || call.high[1] !== 0) return -XEN_ERRNO.EINVAL;
      call.vcpu.flushTlbs();
      return 0;
    case HVMOP.get_time:
      argument.setU64(0, call.xen.clock.now());
      return argument.store(call, 1, 8) ? 0 : -XEN_ERRNO.EFAULT;
    case HVMOP.set_evtchn_upcall_vector:
      return setUpcallVector(call);
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

/** The index of the param in `argument`, or a negated errno. */
function paramIndex(call: Hypercall, allowed: readonly number[]): number {
  if (!argument.load(call, 1)) return -XEN_ERRNO.EFAULT;
  const index = argument.u32(fields.index.offset);
  if (index >= HVM_PARAMS) return -XEN_ERRNO.EINVAL;
  const domain = argument.u16(fields.domid.offset);
  if (domain !== DOMID.SELF && domain !== call.xen.domain.domid) {
    return domain === HOST_DOMAIN ? -XEN_ERRNO.EPERM : -XEN_ERRNO.ESRCH;
  }
  // Classic guests have no other.
  if (call.xen.domain.bootInterface === "classic" && index !== HVM_PARAM.CALLBACK_IRQ)
    return -XEN_ERRNO.EINVAL;
  if (DEPRECATED.some((deprecated) => deprecated === index)) return -XEN_ERRNO.EINVAL;
  return allowed.includes(index) ? index : -XEN_ERRNO.EPERM;
}

function setParam(call: Hypercall): number {
  const { state } = call.xen;
  const index = paramIndex(call, WRITABLE);
  if (index < 0) return index;
  const low = argument.view.getInt32(fields.value.offset, true);
  const high = argument.view.getInt32(fields.value.offset + 4, true);
  state.setParam(index, low, high);
  if (index !== HVM_PARAM.CALLBACK_IRQ) return 0;
  // Lines of interrupt controllers do not exist: such a callback is never called.
  state.callbackVector = high >>> 24 === CALLBACK_TYPE.VECTOR ? low & 0xff : 0;
  latchSharedInfo(call.xen, call.code64);
  for (let vcpu = 0; vcpu < call.xen.vcpus.length; vcpu++) if (vcpu !== call.vcpu.index) call.xen.wake(vcpu);
  return 0;
}

function getParam(call: Hypercall): number {
  const { state } = call.xen;
  const index = paramIndex(call, READABLE);
  if (index < 0) return index;
  argument.view.setInt32(fields.value.offset, state.paramLow(index), true);
  argument.view.setInt32(fields.value.offset + 4, state.paramHigh(index), true);
  return argument.store(call, 1) ? 0 : -XEN_ERRNO.EFAULT;
}

function setUpcallVector(call: Hypercall): number {
  const { xen } = call;
  const { size, fields: upcall } = xenHvmEvtchnUpcallVector;
  // It goes through the local APIC, which classic guests do not have.
  if (xen.domain.bootInterface === "classic") return -XEN_ERRNO.ENOSYS;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const vector = argument.view.getUint8(upcall.vector.offset);
  if (vector < 0x10) return -XEN_ERRNO.EINVAL;
  const vcpu = argument.u32(upcall.vcpu.offset);
  const state = xen.vcpus[vcpu];
  if (state === undefined) return -XEN_ERRNO.ENOENT;
  state.upcallVector = vector;
  const info = xen.infos.of(vcpu);
  if (info.bytes[info.at] !== 0) xen.injectVector(vcpu, vector);
  xen.wake(vcpu);
  return 0;
}
