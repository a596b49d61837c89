import {
  DOMID,
  EVTCHNOP,
  evtchnAllocUnbound,
  evtchnBindInterdomain,
  evtchnBindIpi,
  evtchnBindVcpu,
  evtchnBindVirq,
  evtchnInitControl,
  evtchnSetPriority,
  evtchnStatus,
  PAGE_SIZE,
  XEN_ERRNO,
} from "@pvh/abi";
import { Argument } from "./argument.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import { FIFO_CONTROL_SIZE } from "./event-fifo.ts";
import { PORT } from "./event-ports.ts";
import type { Hypercall } from "./hypercalls.ts";

const argument = new Argument(evtchnStatus.size);
/** EVTCHN_FIFO_LINK_BITS */
const LINK_BITS = 17;

interface Operation {
  size: number;
  /** Where the structure has a result that the guest gets back. */
  result?: number;
  run(call: Hypercall): number;
}

const u32 = (at: number) => argument.u32(at);

/** A result that is a port goes into the structure; the call itself returns 0. */
function portAt(at: number, port: number): number {
  if (port < 0) return port;
  argument.setU32(at, port);
  return 0;
}

/** Of the two domains that exist, a guest may act only for itself. */
function refusedDomain({ xen }: Hypercall, domain: number): number {
  if (domain === DOMID.SELF || domain === xen.domain.domid) return 0;
  return domain === HOST_DOMAIN ? -XEN_ERRNO.EPERM : -XEN_ERRNO.ESRCH;
}

const { fields: allocUnbound } = evtchnAllocUnbound;
const { fields: bindInterdomain } = evtchnBindInterdomain;
const { fields: bindVirq } = evtchnBindVirq;
const { fields: bindIpi } = evtchnBindIpi;
const { fields: status } = evtchnStatus;
const { fields: bindVcpu } = evtchnBindVcpu;
const { fields: initControl } = evtchnInitControl;
const { fields: setPriority } = evtchnSetPriority;

const operations: Partial<Record<number, Operation>> = {
  [EVTCHNOP.alloc_unbound]: {
    size: evtchnAllocUnbound.size,
    result: evtchnAllocUnbound.size,
    run(call) {
      const refused = refusedDomain(call, argument.u16(allocUnbound.dom.offset));
      if (refused !== 0) return refused;
      const remote = argument.u16(allocUnbound.remote_dom.offset);
      return portAt(allocUnbound.port.offset, call.xen.events.allocUnbound(remote));
    },
  },
  [EVTCHNOP.bind_interdomain]: {
    size: evtchnBindInterdomain.size,
    result: evtchnBindInterdomain.size,
    run({ xen }) {
      const remote = argument.u16(bindInterdomain.remote_dom.offset);
      const port = xen.events.bindInterdomain(remote, u32(bindInterdomain.remote_port.offset));
      return portAt(bindInterdomain.local_port.offset, port);
    },
  },
  [EVTCHNOP.bind_virq]: {
    size: evtchnBindVirq.size,
    result: evtchnBindVirq.size,
    run({ xen }) {
      const port = xen.events.bindVirq(u32(bindVirq.virq.offset), u32(bindVirq.vcpu.offset));
      return portAt(bindVirq.port.offset, port);
    },
  },
  [EVTCHNOP.bind_ipi]: {
    size: evtchnBindIpi.size,
    result: evtchnBindIpi.size,
    run: ({ xen }) => portAt(bindIpi.port.offset, xen.events.bindIpi(u32(bindIpi.vcpu.offset))),
  },
  // There are no physical interrupts for guests: not one number is valid.
  [EVTCHNOP.bind_pirq]: { size: 12, run: () => -XEN_ERRNO.EINVAL },
  [EVTCHNOP.close]: { size: 4, run: ({ xen }) => xen.events.close(u32(0)) },
  [EVTCHNOP.send]: { size: 4, run: ({ xen }) => xen.events.send(u32(0)) },
  [EVTCHNOP.status]: { size: evtchnStatus.size, result: evtchnStatus.size, run: portStatus },
  [EVTCHNOP.bind_vcpu]: {
    size: evtchnBindVcpu.size,
    run: ({ xen }) => xen.events.bindVcpu(u32(bindVcpu.port.offset), u32(bindVcpu.vcpu.offset)),
  },
  [EVTCHNOP.unmask]: { size: 4, run: ({ xen }) => xen.events.unmask(u32(0)) },
  [EVTCHNOP.reset]: {
    size: 2,
    run(call) {
      const refused = refusedDomain(call, argument.u16(0));
      if (refused === 0) call.xen.events.reset();
      return refused;
    },
  },
  [EVTCHNOP.init_control]: {
    size: evtchnInitControl.size,
    result: evtchnInitControl.size,
    run({ xen }) {
      const gfn = argument.u64(initControl.control_gfn.offset);
      const offset = u32(initControl.offset.offset);
      argument.view.setUint8(initControl.link_bits.offset, LINK_BITS);
      const vcpu = u32(initControl.vcpu.offset);
      if (xen.vcpus[vcpu] === undefined) return -XEN_ERRNO.ENOENT;
      if (offset > PAGE_SIZE - FIFO_CONTROL_SIZE || offset % 8 !== 0) return -XEN_ERRNO.EINVAL;
      if (xen.memory.find(gfn * PAGE_SIZE, PAGE_SIZE) === undefined) return -XEN_ERRNO.EINVAL;
      return xen.events.initControl(vcpu, gfn, offset);
    },
  },
  [EVTCHNOP.expand_array]: {
    size: 8,
    run({ xen }) {
      const gfn = argument.u64(0);
      if (!xen.state.fifo) return -XEN_ERRNO.EOPNOTSUPP;
      if (xen.memory.find(gfn * PAGE_SIZE, PAGE_SIZE) === undefined) return -XEN_ERRNO.EINVAL;
      return xen.events.expandArray(gfn);
    },
  },
  [EVTCHNOP.set_priority]: {
    size: evtchnSetPriority.size,
    run: ({ xen }) => xen.events.setPriority(u32(setPriority.port.offset), u32(setPriority.priority.offset)),
  },
};

/** event_channel_op(cmd, arg) (public/event_channel.h). The structures are the same for 32-bit guests. */
export function eventChannelOp(call: Hypercall): number {
  const operation = operations[call.low[0] ?? -1];
  if (operation === undefined) return -XEN_ERRNO.ENOSYS;
  if (!argument.load(call, 1, operation.size)) return -XEN_ERRNO.EFAULT;
  const result = operation.run(call);
  if (result < 0 || operation.result === undefined) return result;
  return argument.store(call, 1, operation.result) ? result : -XEN_ERRNO.EFAULT;
}

function portStatus(call: Hypercall): number {
  const refused = refusedDomain(call, argument.u16(status.dom.offset));
  if (refused !== 0) return refused;
  const port = call.xen.events.status(u32(status.port.offset));
  if (port === undefined) return -XEN_ERRNO.EINVAL;
  argument.setU32(status.status.offset, port.state);
  argument.setU32(status.vcpu.offset, port.state === PORT.closed ? 0 : port.vcpu);
  const connected = port.state === PORT.unbound || port.state === PORT.interdomain;
  if (connected) argument.view.setUint16(status.remote_dom.offset, port.remoteDomain, true);
  if (port.state === PORT.interdomain) argument.setU32(status.value.offset, port.value);
  // The VIRQ shares the place of the remote domain.
  if (port.state === PORT.virq) argument.setU32(status.remote_dom.offset, port.value);
  return 0;
}
