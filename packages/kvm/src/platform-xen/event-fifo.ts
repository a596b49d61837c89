import { PAGE_SIZE } from "@pvh/abi";
import type { GuestMemory, RamView } from "../guest-memory.ts";
import { type DomainState, FIFO_ARRAY_PAGES } from "./domain-state.ts";
import type { EventAbi } from "./event-abi.ts";
import { type EventPorts, MAX_PORTS } from "./event-ports.ts";
import type { VcpuState } from "./vcpu-state.ts";

/** Bits of an event word (public/event_channel.h, EVTCHN_FIFO_*). */
const PENDING = 1 << 31;
const MASKED = 1 << 30;
const LINKED = 1 << 29;
const BUSY = 1 << 28;
const LINK_MASK = (1 << 17) - 1;

const WORDS_PER_PAGE = PAGE_SIZE / 4;
/** How often a link is tried while the guest changes the word. While it is BUSY, a guest that keeps the rules changes it 4 times at most. */
const LINK_TRIES = 8;

/** `struct evtchn_fifo_control_block`: a bit for each queue that has events, and the first port of each. */
export const FIFO_CONTROL_SIZE = 72;
const READY = 0;
const HEADS = 8;

/** The FIFO ABI: a word for each event in pages that the guest has given, linked into queues by vCPU and priority. */
export class FifoEvents implements EventAbi {
  readonly #state: DomainState;
  readonly #memory: GuestMemory;
  readonly #ports: EventPorts;
  readonly #vcpus: readonly VcpuState[];

  constructor(state: DomainState, memory: GuestMemory, ports: EventPorts, vcpus: readonly VcpuState[]) {
    this.#state = state;
    this.#memory = memory;
    this.#ports = ports;
    this.#vcpus = vcpus;
  }

  setPending(port: number, vcpu: number): boolean {
    const page = this.#page(port);
    if (page === undefined) {
      this.#ports.setPendsWithoutWord(port, true);
      return false;
    }
    const at = this.#word(page, port);
    // Without a control block the guest cannot have unmasked anything of this vCPU.
    if (this.#control(vcpu) === undefined) return false;
    Atomics.or(page.words, at, PENDING);
    return (Atomics.load(page.words, at) & MASKED) === 0 && this.#link(page, at, port, vcpu);
  }

  clearPending(port: number): void {
    this.#ports.setPendsWithoutWord(port, false);
    const page = this.#page(port);
    // Only this bit: an event that is linked stays in its queue, and the guest skips it.
    if (page !== undefined) Atomics.and(page.words, this.#word(page, port), ~PENDING);
  }

  unmask(port: number, vcpu: number): boolean {
    const page = this.#page(port);
    if (page === undefined) return false;
    const at = this.#word(page, port);
    Atomics.and(page.words, at, ~MASKED);
    return (Atomics.load(page.words, at) & PENDING) !== 0 && this.setPending(port, vcpu);
  }

  isMasked(port: number): boolean {
    const page = this.#page(port);
    return page === undefined || (Atomics.load(page.words, this.#word(page, port)) & MASKED) !== 0;
  }

  isPending(port: number): boolean {
    const page = this.#page(port);
    return page !== undefined && (Atomics.load(page.words, this.#word(page, port)) & PENDING) !== 0;
  }

  setPriority(port: number, priority: number): boolean {
    this.#ports.setPriority(port, priority);
    return true;
  }

  /** Takes another page of event words. Returns whether there was room. Events that pended meanwhile are the caller's to set. */
  expand(gfn: number): boolean {
    const pages = this.#state.fifoPages;
    if (pages >= FIFO_ARRAY_PAGES) return false;
    this.#state.setFifoArray(pages, gfn);
    this.#state.fifoPages = pages + 1;
    return true;
  }

  /** Ports that have a word. */
  get capacity(): number {
    return Math.min(MAX_PORTS, this.#state.fifoPages * WORDS_PER_PAGE);
  }

  /** Puts the event at the end of its queue, unless it is in one. Returns whether the queue was empty for the guest. */
  #link(page: RamView, at: number, port: number, vcpu: number): boolean {
    if ((Atomics.or(page.words, at, LINKED) & LINKED) !== 0) return false;
    const state = this.#vcpus[vcpu];
    const control = this.#control(vcpu);
    if (state === undefined || control === undefined) return false;
    const priority = this.#ports.priority(port);

    // A queue that this event was the end of is empty now; it must not be linked to from there.
    const before = this.#vcpus[this.#ports.lastVcpu(port)];
    const beforePriority = this.#ports.lastPriority(port);
    if (before?.fifoTail(beforePriority) === port) before.setFifoTail(beforePriority, 0);
    this.#ports.setLastQueue(port, vcpu, priority);

    const tail = state.fifoTail(priority);
    const linked = tail !== 0 && this.#linkBehind(tail, port);
    const base = (state.fifoFrame * PAGE_SIZE - control.gpa + state.fifoOffset) / 4;
    if (!linked) Atomics.store(control.words, base + (HEADS >> 2) + priority, port);
    state.setFifoTail(priority, port);
    if (linked) return false;
    const bit = 1 << priority;
    return (Atomics.or(control.words, base + (READY >> 2), bit) & bit) === 0;
  }

  /** False when the guest has taken the tail out of the queue already. */
  #linkBehind(tail: number, port: number): boolean {
    const page = this.#page(tail);
    if (page === undefined) return false;
    const at = this.#word(page, tail);
    for (let i = 0; i < LINK_TRIES; i++) {
      const word = Atomics.load(page.words, at);
      if ((word & LINKED) === 0) {
        Atomics.and(page.words, at, ~BUSY);
        return false;
      }
      const next = (word & ~(BUSY | LINK_MASK)) | port;
      if (Atomics.compareExchange(page.words, at, word, next) === word) return true;
      Atomics.or(page.words, at, BUSY);
    }
    Atomics.and(page.words, at, ~BUSY);
    return true;
  }

  #control(vcpu: number): RamView | undefined {
    const frame = this.#vcpus[vcpu]?.fifoFrame ?? -1;
    return frame < 0 ? undefined : this.#memory.find(frame * PAGE_SIZE, PAGE_SIZE);
  }

  #page(port: number): RamView | undefined {
    const page = Math.floor(port / WORDS_PER_PAGE);
    if (page >= this.#state.fifoPages) return undefined;
    return this.#memory.find(this.#state.fifoArray(page) * PAGE_SIZE, PAGE_SIZE);
  }

  #word(page: RamView, port: number): number {
    const gpa = this.#state.fifoArray(Math.floor(port / WORDS_PER_PAGE)) * PAGE_SIZE;
    return (gpa - page.gpa) / 4 + (port % WORDS_PER_PAGE);
  }
}
