import { MMUEXT, XEN_ERRNO } from "@pvh/abi";
import { Argument, element, elementAt } from "./argument.ts";
import type { Hypercall } from "./hypercalls.ts";

/** Hypercalls of a few lines. */

const argument = new Argument(40);
/** VMASST_CMD_enable, disable; VMASST_TYPE_runstate_update_flag (public/xen.h). */
const ASSIST_ENABLE = 0;
const ASSIST_DISABLE = 1;
export const ASSIST_RUNSTATE_UPDATE = 5;

/** Times beyond this (2^50 ns, 13 days) are Linux's wrapped jiffies; Xen makes them 100 ms. */
const FAR_FUTURE_NS = 2 ** 50;
const INSTEAD_NS = 100e6;

/**
 * set_timer_op(timeout): sets the vCPU's single-shot timer to an absolute time in ns, 0 stops it. One argument for 64-bit
 * guests, two halves for others.
 */
export function setTimerOp(call: Hypercall): number {
  const { xen, vcpu } = call;
  const low = (call.low[0] ?? 0) >>> 0;
  const high = (call.code64 ? (call.high[0] ?? 0) : (call.low[1] ?? 0)) >>> 0;
  const state = xen.vcpus[vcpu.index];
  if (state === undefined) return -XEN_ERRNO.EINVAL;
  const timeout = high * 2 ** 32 + low;
  const now = xen.clock.now();
  const far = high >= 0x80000000 || timeout - now >= FAR_FUTURE_NS;
  state.singleShot = far ? now + INSTEAD_NS : timeout;
  vcpu.timersChanged();
  return 0;
}

/** vm_assist(cmd, type): of the assists, the one that says that a runstate is being written. */
export function vmAssist(call: Hypercall): number {
  const { state } = call.xen;
  if (call.low[1] !== ASSIST_RUNSTATE_UPDATE) return -XEN_ERRNO.EINVAL;
  const bit = 1 << ASSIST_RUNSTATE_UPDATE;
  if (call.low[0] === ASSIST_ENABLE) state.assists |= bit;
  else if (call.low[0] === ASSIST_DISABLE) state.assists &= ~bit;
  else return -XEN_ERRNO.ENOSYS;
  return 0;
}

/** Operations that a translated guest does itself, but for those that reach other vCPUs (3.14-4.1 kernels use them). */
const FLUSHES: readonly number[] = [
  MMUEXT.TLB_FLUSH_LOCAL,
  MMUEXT.INVLPG_LOCAL,
  MMUEXT.TLB_FLUSH_MULTI,
  MMUEXT.INVLPG_MULTI,
  MMUEXT.TLB_FLUSH_ALL,
  MMUEXT.INVLPG_ALL,
];
const MAX_MMUEXT_OPS = 1024;

/** mmuext_op(ops, count, done, domid). Flushing every vCPU does for every kind of flush. */
export function mmuextOp(call: Hypercall): number {
  const { code64, memory } = call;
  const count = (call.low[1] ?? 0) >>> 0;
  const size = code64 ? 24 : 12;
  if (count > MAX_MMUEXT_OPS) return -XEN_ERRNO.EINVAL;
  let done = 0;
  let flush = false;
  let result = 0;
  for (; done < count && result === 0; done++) {
    elementAt(call.high[0] ?? 0, call.low[0] ?? 0, done * size);
    if (!memory.copyIn(element.high, element.low, argument.bytes, size)) result = -XEN_ERRNO.EFAULT;
    else if (FLUSHES.includes(argument.u32(0))) flush = true;
    else result = -XEN_ERRNO.EOPNOTSUPP;
  }
  if (flush) call.vcpu.flushTlbs();
  const high = call.high[2] ?? 0;
  const low = call.low[2] ?? 0;
  if (high !== 0 || low !== 0) {
    argument.setU32(0, result === 0 ? done : done - 1);
    if (!memory.copyOut(high, low, argument.bytes, 4)) return -XEN_ERRNO.EFAULT;
  }
  return result;
}

/** Calls by which domain 0 steers the machine. */
export function privileged(): number {
  return -XEN_ERRNO.EPERM;
}
