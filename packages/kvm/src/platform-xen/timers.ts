import { VIRQ } from "@pvh/abi";
import { type DomainState, WATCHDOGS } from "./domain-state.ts";
import type { EventChannels } from "./event-channels.ts";
import type { VcpuState } from "./vcpu-state.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** A local APIC's timer, as far as a vCPU's thread serves it. */
export interface ApicTimer {
  /** Domain time of the next expiry, or Infinity. */
  deadline(vcpu: number): number;
  expire(vcpu: number, now: number): void;
}

/** The timers of one vCPU, in domain time (ns). The first vCPU has the domain's watchdogs as well. */
export class VcpuTimers {
  readonly #vcpu: number;
  readonly #state: VcpuState;
  readonly #domain: DomainState;
  readonly #events: EventChannels;
  readonly #apic: ApicTimer | undefined;

  constructor(
    vcpu: number,
    state: VcpuState,
    domain: DomainState,
    events: EventChannels,
    apic: ApicTimer | undefined,
  ) {
    this.#vcpu = vcpu;
    this.#state = state;
    this.#domain = domain;
    this.#events = events;
    this.#apic = apic;
  }

  /** When the next timer goes off; Infinity when none is set. */
  next(): number {
    const { singleShot, period, nextPeriod } = this.#state;
    let next = this.#apic?.deadline(this.#vcpu) ?? NEVER;
    if (singleShot !== 0) next = Math.min(next, singleShot);
    if (period !== 0) next = Math.min(next, nextPeriod);
    return Math.min(next, this.nextWatchdog());
  }

  nextWatchdog(): number {
    let next = NEVER;
    for (let i = 0; this.#vcpu === 0 && i < WATCHDOGS; i++) {
      const deadline = this.#domain.watchdog(i);
      if (deadline !== 0) next = Math.min(next, deadline);
    }
    return next;
  }

  /** Raises VIRQ_TIMER, or the APIC's interrupt, for everything that is due. Returns true when a watchdog has expired. */
  expire(now: number): boolean {
    const state = this.#state;
    let due = false;
    if (state.singleShot !== 0 && state.singleShot <= now) {
      state.singleShot = 0;
      due = true;
    }
    const { period, nextPeriod } = state;
    if (period !== 0 && nextPeriod <= now) {
      // Periods that nobody could see make one event.
      state.setPeriod(period, nextPeriod + period * (1 + Math.floor((now - nextPeriod) / period)));
      due = true;
    }
    if (due) this.#events.raiseVirq(this.#vcpu, VIRQ.TIMER);
    this.#apic?.expire(this.#vcpu, now);
    return this.nextWatchdog() <= now;
  }
}
