import { SCHEDOP, SHUTDOWN, schedPoll, schedPoll32, schedShutdown, schedWatchdog, XEN_ERRNO } from "@pvh/abi";
import type { ExitReason } from "../protocol.ts";
import { Argument, element, elementAt } from "./argument.ts";
import { WATCHDOGS } from "./domain-state.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import type { Hypercall } from "./hypercalls.ts";

const reasons: Record<number, ExitReason> = {
  [SHUTDOWN.poweroff]: "poweroff",
  [SHUTDOWN.reboot]: "reboot",
  [SHUTDOWN.suspend]: "suspend",
  [SHUTDOWN.crash]: "crash",
  [SHUTDOWN.watchdog]: "watchdog",
  [SHUTDOWN.soft_reset]: "soft-reset",
};

const argument = new Argument(schedPoll.size);
const portArgument = new Argument(4);
/** As in Xen, so that a poll is no way to keep a vCPU from anything else. */
const MAX_POLLED = 128;
const polled = new Int32Array(MAX_POLLED);

/** sched_op(cmd, arg) (public/sched.h). */
export function schedOp(call: Hypercall): number {
  switch (call.low[0]) {
    case SCHEDOP.yield:
      call.vcpu.yieldCpu();
      return 0;
    case SCHEDOP.block:
      return block(call);
    case SCHEDOP.shutdown:
      return shutdown(call);
    case SCHEDOP.poll:
      return poll(call);
    case SCHEDOP.shutdown_code:
      return shutdownCode(call);
    case SCHEDOP.watchdog:
      return watchdog(call);
    case SCHEDOP.remote_shutdown:
      return remoteShutdown(call);
    case SCHEDOP.pin_override:
      return -XEN_ERRNO.EPERM;
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

/** Waits for an event; unmasks the vCPU's upcalls first, in one step with waiting. */
function block({ xen, vcpu }: Hypercall): number {
  const info = xen.infos.of(vcpu.index);
  info.bytes[info.at + 1] = 0;
  vcpu.block(vcpu.hasEvents, Number.POSITIVE_INFINITY);
  return 0;
}

/** Waits until one of some ports is pending, masked or not, or for a time. */
function poll(call: Hypercall): number {
  const { xen, vcpu, code64 } = call;
  const { size, fields } = code64 ? schedPoll : schedPoll32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const count = argument.u32(fields.nr_ports.offset);
  if (count > MAX_POLLED) return -XEN_ERRNO.EINVAL;
  const timeout = argument.u64(fields.timeout.offset);
  const list = fields.ports.offset;
  const low = argument.view.getInt32(list, true);
  const high = code64 ? argument.view.getInt32(list + 4, true) : 0;
  for (let i = 0; i < count; i++) {
    elementAt(high, low, i * 4);
    if (!call.memory.copyIn(element.high, element.low, portArgument.bytes, 4)) return -XEN_ERRNO.EFAULT;
    const port = portArgument.u32(0);
    if (!xen.events.isValid(port)) return -XEN_ERRNO.EINVAL;
    polled[i] = port;
  }
  const ready = () => {
    for (let i = 0; i < count; i++) if (xen.events.isPending(polled[i] ?? 0)) return true;
    return vcpu.interruptible && vcpu.hasEvents();
  };
  // Known as a poller before the ports are looked at, so that no event is missed.
  xen.state.setPolling(vcpu.index, true);
  vcpu.block(ready, timeout === 0 ? Number.POSITIVE_INFINITY : timeout);
  xen.state.setPolling(vcpu.index, false);
  return 0;
}

/** The reason is kept for a toolstack that looks after the domain has ended otherwise; the domain goes on. */
function shutdownCode(call: Hypercall): number {
  return argument.load(call, 1, schedShutdown.size) ? 0 : -XEN_ERRNO.EFAULT;
}

function shutdown(call: Hypercall): number {
  if (!argument.load(call, 1, schedShutdown.size)) return -XEN_ERRNO.EFAULT;
  // Xen keeps the low byte of the reason, and toolstacks take an unknown one for a crash.
  const code = argument.u32(schedShutdown.fields.reason.offset) & 0xff;
  const reason = reasons[code];
  if (reason === undefined) call.vcpu.end("crash", `SCHEDOP_shutdown with the unknown reason ${code}`);
  else if (reason === "crash")
    call.vcpu.end("crash", "the guest called SCHEDOP_shutdown with the reason crash");
  else call.vcpu.end(reason);
  return 0;
}

/** For device models and toolstacks: no guest may, not even for itself. */
function remoteShutdown(call: Hypercall): number {
  if (!argument.load(call, 1, 8)) return -XEN_ERRNO.EFAULT;
  const domain = argument.u16(0);
  const exists = domain === HOST_DOMAIN || domain === call.xen.domain.domid;
  return exists ? -XEN_ERRNO.EPERM : -XEN_ERRNO.ESRCH;
}

/** Sets, extends or stops (timeout 0) one of the domain's watchdogs. Returns the number of a new one, from 1 on. */
function watchdog(call: Hypercall): number {
  if (!argument.load(call, 1, schedWatchdog.size)) return -XEN_ERRNO.EFAULT;
  const { state, clock } = call.xen;
  const id = argument.u32(schedWatchdog.fields.id.offset);
  const timeout = argument.u32(schedWatchdog.fields.timeout.offset);
  if (id > WATCHDOGS) return -XEN_ERRNO.EINVAL;
  const deadline = timeout === 0 && id !== 0 ? 0 : clock.now() + timeout * 1e9;
  let slot = id - 1;
  if (id === 0) {
    slot = state.watchdog(0) === 0 ? 0 : 1;
    if (state.watchdog(slot) !== 0) return -XEN_ERRNO.ENOSPC;
  } else if (state.watchdog(slot) === 0) {
    return -XEN_ERRNO.EINVAL;
  }
  state.setWatchdog(slot, deadline);
  // The first vCPU's thread keeps the watchdogs.
  call.xen.wake(0);
  call.vcpu.timersChanged();
  return id === 0 ? slot + 1 : 0;
}
