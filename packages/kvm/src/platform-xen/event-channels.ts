import { DOMID, VIRQ, XEN_ERRNO } from "@pvh/abi";
import type { GuestMemory } from "../guest-memory.ts";
import type { DomainState } from "./domain-state.ts";
import type { EventAbi } from "./event-abi.ts";
import { FifoEvents } from "./event-fifo.ts";
import { type EventPorts, MAX_PORTS, PORT } from "./event-ports.ts";
import { TwoLevelEvents } from "./event-two-level.ts";
import { NARROW, WIDE } from "./shared-info-layout.ts";
import { setByte, type VcpuInfos } from "./vcpu-infos.ts";
import { type VcpuState, VIRQS } from "./vcpu-state.ts";

/** Domain 0 stands for the VMM's back ends; it is the only other domain. */
export const HOST_DOMAIN = 0;

/** EVTCHN_FIFO_PRIORITY_DEFAULT */
const DEFAULT_PRIORITY = 7;
/** VIRQs that exist once for each vCPU; the others are the domain's. */
const VIRQ_XENOPROF = 7;
const VIRQ_XENPMU = 13;
const VCPU_VIRQS: readonly number[] = [VIRQ.TIMER, VIRQ.DEBUG, VIRQ_XENOPROF, VIRQ_XENPMU];

export interface EventChannelParts {
  domid: number;
  /** The highest port that the domain may have. */
  maxPort: number;
  state: DomainState;
  ports: EventPorts;
  vcpus: readonly VcpuState[];
  infos: VcpuInfos;
  memory: GuestMemory;
  /** Makes a vCPU look at its vcpu_info; see `VcpuKicker`. */
  wake(vcpu: number): void;
  /** The vCPU takes its events by a vector of its local APIC. */
  injectVector(vcpu: number, vector: number): void;
  /** A back end was notified. */
  ringHost(): void;
}

/**
 * The domain's event channels. Every thread of the VMM has an object of its own over the shared state; each method takes
 * the domain's lock. Results below 0 are negated errno values, as hypercalls return them.
 */
export class EventChannels {
  readonly #parts: EventChannelParts;
  readonly #twoLevel: TwoLevelEvents;
  readonly #fifo: FifoEvents;

  constructor(parts: EventChannelParts) {
    this.#parts = parts;
    const { state, infos, memory, ports, vcpus } = parts;
    this.#twoLevel = new TwoLevelEvents(state, infos);
    this.#fifo = new FifoEvents(state, memory, ports, vcpus);
  }

  allocUnbound(remoteDomain: number): number {
    return this.#locked(() => {
      const port = this.#allocate();
      if (port > 0) this.#open(port, PORT.unbound, 0, this.#domain(remoteDomain), 0);
      return port;
    });
  }

  /** Connects a port of this domain with another that waits for it: a loop, since the host binds from its own side. */
  bindInterdomain(remoteDomain: number, remotePort: number): number {
    const { ports, domid } = this.#parts;
    const remote = this.#domain(remoteDomain);
    if (remote !== domid) return remote === HOST_DOMAIN ? -XEN_ERRNO.EINVAL : -XEN_ERRNO.ESRCH;
    return this.#locked(() => {
      if (!this.#valid(remotePort)) return -XEN_ERRNO.EINVAL;
      const port = this.#allocate();
      if (port < 0) return port;
      if (ports.state(remotePort) !== PORT.unbound || ports.remoteDomain(remotePort) !== domid) {
        return -XEN_ERRNO.EINVAL;
      }
      this.#open(port, PORT.interdomain, 0, domid, remotePort);
      ports.set(remotePort, PORT.interdomain, ports.vcpu(remotePort), domid, port);
      // A notification may have come before there was anybody to notify.
      this.#raise(port);
      return port;
    });
  }

  bindVirq(virq: number, vcpu: number): number {
    if (virq >= VIRQS) return -XEN_ERRNO.EINVAL;
    if (!VCPU_VIRQS.includes(virq) && vcpu !== 0) return -XEN_ERRNO.EINVAL;
    const state = this.#parts.vcpus[vcpu];
    if (state === undefined) return -XEN_ERRNO.ENOENT;
    return this.#locked(() => {
      if (state.virqPort(virq) !== 0) return -XEN_ERRNO.EEXIST;
      const port = this.#allocate();
      if (port < 0) return port;
      this.#open(port, PORT.virq, vcpu, 0, virq);
      state.setVirqPort(virq, port);
      return port;
    });
  }

  bindIpi(vcpu: number): number {
    if (this.#parts.vcpus[vcpu] === undefined) return -XEN_ERRNO.ENOENT;
    return this.#locked(() => {
      const port = this.#allocate();
      if (port > 0) this.#open(port, PORT.ipi, vcpu, 0, 0);
      return port;
    });
  }

  close(port: number): number {
    return this.#locked(() => this.#close(port));
  }

  send(port: number): number {
    return this.#locked(() => {
      const { ports, domid } = this.#parts;
      if (!this.#valid(port)) return -XEN_ERRNO.EINVAL;
      switch (ports.state(port)) {
        case PORT.interdomain:
          if (ports.remoteDomain(port) === domid) this.#raise(ports.value(port));
          else this.#notifyHost(port);
          return 0;
        case PORT.ipi:
          this.#raise(port);
          return 0;
        // Nobody is there yet.
        case PORT.unbound:
          return 0;
        default:
          return -XEN_ERRNO.EINVAL;
      }
    });
  }

  bindVcpu(port: number, vcpu: number): number {
    const { ports, vcpus } = this.#parts;
    if (vcpus[vcpu] === undefined) return -XEN_ERRNO.ENOENT;
    return this.#locked(() => {
      if (!this.#valid(port)) return -XEN_ERRNO.EINVAL;
      const state = ports.state(port);
      const movable =
        state === PORT.unbound ||
        state === PORT.interdomain ||
        (state === PORT.virq && !VCPU_VIRQS.includes(ports.value(port)));
      if (!movable) return -XEN_ERRNO.EINVAL;
      ports.setVcpu(port, vcpu);
      return 0;
    });
  }

  unmask(port: number): number {
    return this.#locked(() => {
      if (!this.#valid(port)) return -XEN_ERRNO.EINVAL;
      const vcpu = this.#parts.ports.vcpu(port);
      if (this.#abi.unmask(port, vcpu)) this.#tell(vcpu);
      return 0;
    });
  }

  setPriority(port: number, priority: number): number {
    return this.#locked(() => {
      if (!this.#parts.state.fifo) return -XEN_ERRNO.ENOSYS;
      if (!this.#valid(port) || priority > 15) return -XEN_ERRNO.EINVAL;
      this.#abi.setPriority(port, priority);
      return 0;
    });
  }

  /** Closes everything and goes back to the 2-level ABI. Connections with back ends are theirs to make anew. */
  reset(): void {
    this.#locked(() => {
      const { state, vcpus } = this.#parts;
      for (let port = 1; port < MAX_PORTS; port++) this.#close(port);
      state.fifo = false;
      state.fifoPages = 0;
      for (const vcpu of vcpus) {
        vcpu.setFifoControl(-1, 0);
        for (let queue = 0; queue < 16; queue++) vcpu.setFifoTail(queue, 0);
      }
      return 0;
    });
  }

  /** EVTCHNOP_init_control; gives the control block of a vCPU, the first time for the domain a change of ABI. */
  initControl(vcpu: number, gfn: number, offset: number): number {
    const { state, vcpus, ports } = this.#parts;
    const vcpuState = vcpus[vcpu];
    if (vcpuState === undefined) return -XEN_ERRNO.ENOENT;
    return this.#locked(() => {
      if (vcpuState.fifoFrame >= 0) return -XEN_ERRNO.EINVAL;
      if (!state.fifo) {
        for (let port = 1; port < MAX_PORTS; port++) {
          if (ports.state(port) === PORT.closed) continue;
          ports.setPriority(port, DEFAULT_PRIORITY);
          ports.setPendsWithoutWord(port, this.#twoLevel.isPending(port));
        }
        state.fifo = true;
      }
      vcpuState.setFifoControl(gfn, offset);
      return 0;
    });
  }

  expandArray(gfn: number): number {
    return this.#locked(() => {
      const { state, ports } = this.#parts;
      if (!state.fifo) return -XEN_ERRNO.EOPNOTSUPP;
      const first = this.#fifo.capacity;
      if (!this.#fifo.expand(gfn)) return -XEN_ERRNO.ENOSPC;
      for (let port = first; port < this.#fifo.capacity; port++) {
        if (!ports.pendsWithoutWord(port)) continue;
        ports.setPendsWithoutWord(port, false);
        if (ports.state(port) !== PORT.closed) this.#raise(port);
      }
      return 0;
    });
  }

  /** A port as EVTCHNOP_status shows it; `undefined` when there is no such port. */
  status(port: number): PortStatus | undefined {
    const { ports, domid } = this.#parts;
    if (!this.#valid(port)) return undefined;
    const state = ports.state(port);
    const remoteDomain = ports.remoteDomain(port) === domid ? domid : ports.remoteDomain(port);
    return { state, vcpu: ports.vcpu(port), remoteDomain, value: ports.value(port) };
  }

  /** Raises a virtual interrupt that the guest may have bound to a port. */
  raiseVirq(vcpu: number, virq: number): void {
    const port = this.#parts.vcpus[vcpu]?.virqPort(virq) ?? 0;
    if (port === 0) return;
    this.#locked(() => {
      this.#raise(port);
      return 0;
    });
  }

  isPending(port: number): boolean {
    return this.#abi.isPending(port);
  }

  /** Whether the guest may name this port at all. */
  isValid(port: number): boolean {
    return this.#valid(port);
  }

  /** The host's side takes a port that the guest has left unbound for it. */
  bindHost(port: number): boolean {
    const { ports } = this.#parts;
    const bound = this.#locked(() => {
      if (!this.#valid(port) || ports.state(port) !== PORT.unbound) return 0;
      if (ports.remoteDomain(port) !== HOST_DOMAIN) return 0;
      ports.set(port, PORT.interdomain, ports.vcpu(port), HOST_DOMAIN, port);
      return 1;
    });
    return bound === 1;
  }

  /** The host's side lets go; the guest keeps its half, unbound. */
  unbindHost(port: number): void {
    const { ports } = this.#parts;
    this.#locked(() => {
      if (this.#boundToHost(port)) ports.set(port, PORT.unbound, ports.vcpu(port), HOST_DOMAIN, 0);
      return 0;
    });
  }

  /** The host's side notifies the guest. */
  sendFromHost(port: number): void {
    this.#locked(() => {
      if (this.#boundToHost(port)) this.#raise(port);
      return 0;
    });
  }

  /** Tells the vCPU of everything that pends in its vcpu_info, after that has moved. */
  announceAll(vcpu: number): void {
    const { infos, state } = this.#parts;
    const { words, at } = infos.of(vcpu);
    if (state.shared32) {
      Atomics.store(words, (at + NARROW.pendingSelector) / 4, -1);
    } else {
      Atomics.store(words, (at + WIDE.pendingSelector) / 4, -1);
      Atomics.store(words, (at + WIDE.pendingSelector) / 4 + 1, -1);
    }
    this.#tell(vcpu);
  }

  #boundToHost(port: number): boolean {
    const { ports } = this.#parts;
    return ports.state(port) === PORT.interdomain && ports.remoteDomain(port) === HOST_DOMAIN;
  }

  #notifyHost(port: number): void {
    this.#parts.ports.notifyHost(port);
    this.#parts.ringHost();
  }

  #raise(port: number): void {
    const { ports, state, wake } = this.#parts;
    const vcpu = ports.vcpu(port);
    if (this.#abi.setPending(port, vcpu)) this.#tell(vcpu);
    let pollers = state.pollers;
    for (let poller = 0; pollers !== 0; poller++, pollers >>>= 1) if ((pollers & 1) !== 0) wake(poller);
  }

  #tell(vcpu: number): void {
    const { infos, vcpus, wake, injectVector } = this.#parts;
    const { words, at } = infos.of(vcpu);
    if (!setByte(words, at)) {
      // Set already, perhaps by the guest itself: then it may not have been seen.
      wake(vcpu);
      return;
    }
    const vector = vcpus[vcpu]?.upcallVector ?? 0;
    if (vector !== 0) injectVector(vcpu, vector);
    wake(vcpu);
  }

  #close(port: number): number {
    const { ports, vcpus, domid } = this.#parts;
    if (!this.#valid(port)) return -XEN_ERRNO.EINVAL;
    switch (ports.state(port)) {
      case PORT.closed:
        return -XEN_ERRNO.EINVAL;
      case PORT.virq: {
        const virq = ports.value(port);
        for (const vcpu of vcpus) if (vcpu.virqPort(virq) === port) vcpu.setVirqPort(virq, 0);
        break;
      }
      case PORT.interdomain:
        if (ports.remoteDomain(port) === domid) {
          const other = ports.value(port);
          ports.set(other, PORT.unbound, ports.vcpu(other), domid, 0);
        }
        break;
    }
    ports.set(port, PORT.closed, 0);
    this.#abi.clearPending(port);
    return 0;
  }

  #open(port: number, state: number, vcpu: number, remoteDomain: number, value: number): void {
    const { ports } = this.#parts;
    ports.setPriority(port, DEFAULT_PRIORITY);
    ports.setPendsWithoutWord(port, false);
    ports.set(port, state, vcpu, remoteDomain, value);
  }

  #allocate(): number {
    const { ports } = this.#parts;
    for (let port = 1; this.#valid(port); port++) if (ports.state(port) === PORT.closed) return port;
    return -XEN_ERRNO.ENOSPC;
  }

  #valid(port: number): boolean {
    const { state, maxPort } = this.#parts;
    const bound = !state.fifo && state.shared32 ? NARROW.ports : MAX_PORTS;
    return port >= 0 && port < bound && port <= maxPort;
  }

  #domain(domain: number): number {
    return domain === DOMID.SELF ? this.#parts.domid : domain;
  }

  get #abi(): EventAbi {
    return this.#parts.state.fifo ? this.#fifo : this.#twoLevel;
  }

  #locked(work: () => number): number {
    const { lock } = this.#parts.state;
    lock.lock();
    try {
      return work();
    } finally {
      lock.unlock();
    }
  }
}

export interface PortStatus {
  state: number;
  vcpu: number;
  remoteDomain: number;
  value: number;
}
