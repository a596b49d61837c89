/** States of a port, with the numbers of EVTCHNSTAT_* (public/event_channel.h). */
export const PORT = { closed: 0, unbound: 1, interdomain: 2, pirq: 3, virq: 4, ipi: 5 } as const;

/** Ports that there is room for: what the 2-level ABI has for 64-bit guests. */
export const MAX_PORTS = 4096;

const WORDS_PER_PORT = 5;
const FIELD = { state: 0, vcpu: 1, remoteDomain: 2, value: 3, queue: 4 } as const;
const HOST_WORDS = MAX_PORTS / 32;

/** Of the queue word: priority (bits 0-3), the FIFO queue it was linked into last (priority 4-7, vCPU 8-15), and this. */
const PENDING_WITHOUT_WORD = 1 << 16;

/** The table of a domain's event channel ports, in memory that all threads share. Plain accessors; see `EventChannels`. */
export class EventPorts {
  static readonly size = (MAX_PORTS * WORDS_PER_PORT + HOST_WORDS) * 4;
  readonly #words: Int32Array;
  readonly #host: number = MAX_PORTS * WORDS_PER_PORT;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  state(port: number): number {
    return this.#get(port, FIELD.state);
  }
  /** The vCPU that is notified. */
  vcpu(port: number): number {
    return this.#get(port, FIELD.vcpu);
  }
  remoteDomain(port: number): number {
    return this.#get(port, FIELD.remoteDomain);
  }
  /** The remote port, or the VIRQ. */
  value(port: number): number {
    return this.#get(port, FIELD.value);
  }

  set(port: number, state: number, vcpu: number, remoteDomain = 0, value = 0): void {
    this.#put(port, FIELD.vcpu, vcpu);
    this.#put(port, FIELD.remoteDomain, remoteDomain);
    this.#put(port, FIELD.value, value);
    this.#put(port, FIELD.state, state);
  }
  setVcpu(port: number, vcpu: number): void {
    this.#put(port, FIELD.vcpu, vcpu);
  }

  /** 0 is the highest of 16; 7 unless the guest says otherwise. */
  priority(port: number): number {
    return this.#get(port, FIELD.queue) & 0xf;
  }
  setPriority(port: number, priority: number): void {
    this.#put(port, FIELD.queue, (this.#get(port, FIELD.queue) & ~0xf) | priority);
  }

  lastPriority(port: number): number {
    return (this.#get(port, FIELD.queue) >> 4) & 0xf;
  }
  lastVcpu(port: number): number {
    return (this.#get(port, FIELD.queue) >> 8) & 0xff;
  }
  setLastQueue(port: number, vcpu: number, priority: number): void {
    const word = this.#get(port, FIELD.queue) & ~0xfff0;
    this.#put(port, FIELD.queue, word | (priority << 4) | (vcpu << 8));
  }

  /** The event is pending, but the guest has not given its word in the FIFO array yet. */
  pendsWithoutWord(port: number): boolean {
    return (this.#get(port, FIELD.queue) & PENDING_WITHOUT_WORD) !== 0;
  }
  setPendsWithoutWord(port: number, pending: boolean): void {
    const word = this.#get(port, FIELD.queue);
    this.#put(port, FIELD.queue, pending ? word | PENDING_WITHOUT_WORD : word & ~PENDING_WITHOUT_WORD);
  }

  /** The guest has notified the back end that is bound to this port. */
  notifyHost(port: number): void {
    Atomics.or(this.#words, this.#host + (port >> 5), 1 << (port & 31));
  }

  /** Calls `take` for every port whose back end was notified since the last time. */
  takeHostNotifications(take: (port: number) => void): void {
    for (let word = 0; word < HOST_WORDS; word++) {
      if (Atomics.load(this.#words, this.#host + word) === 0) continue;
      let bits = Atomics.exchange(this.#words, this.#host + word, 0);
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        take(word * 32 + bit);
      }
    }
  }

  #get(port: number, field: number): number {
    return Atomics.load(this.#words, port * WORDS_PER_PORT + field);
  }
  #put(port: number, field: number, value: number): void {
    Atomics.store(this.#words, port * WORDS_PER_PORT + field, value);
  }
}
