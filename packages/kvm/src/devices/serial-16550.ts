import { Mutex } from "../shared/mutex.ts";
import type { PortDevice } from "./port-bus.ts";

export const SERIAL_PORT = 0x3f8;
export const SERIAL_PORTS = 8;
export const SERIAL_IRQ = 4;

const REGISTER = { data: 0, ier: 1, iirFcr: 2, lcr: 3, mcr: 4, lsr: 5, msr: 6, scratch: 7 } as const;
const IER_RECEIVED = 0x01;
const IER_EMPTY = 0x02;
const IIR_NONE = 0x01;
const IIR_EMPTY = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_FIFO = 0xc0;
const FCR_ENABLE = 0x01;
const FCR_CLEAR_RECEIVER = 0x02;
const LCR_DLAB = 0x80;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const LSR_READY = 0x01;
/** The transmitter is always empty: a byte is gone the moment it is written. */
const LSR_EMPTY = 0x60;
/** Carrier, data set ready, clear to send. */
const MSR_CONNECTED = 0xb0;
const HARDWARE_FIFO = 16;

const WORD = {
  lock: 0,
  ier: 1,
  fcr: 2,
  lcr: 3,
  mcr: 4,
  scratch: 5,
  divisor: 6,
  emptyPending: 7,
  line: 8,
  head: 9,
  tail: 10,
  full: 11,
} as const;
const HEADER = 64;
const INPUT_CAPACITY = 4096;

export interface SerialHooks {
  output(byte: number): void;
  /** Level of the interrupt line. */
  irq(asserted: boolean): void;
  /** After {@link Serial16550.feed} could not take all: there is room again. */
  inputTaken(): void;
}

/**
 * A 16550A UART. Its registers are shared memory, so that any vCPU may use it and the main thread may feed it; each
 * thread makes its own instance over the same buffer.
 */
export class Serial16550 implements PortDevice {
  static readonly size = HEADER + INPUT_CAPACITY;
  readonly #words: Int32Array;
  readonly #input: Uint8Array;
  readonly #mutex: Mutex;
  readonly #hooks: SerialHooks;

  constructor(buffer: SharedArrayBuffer, hooks: SerialHooks) {
    this.#words = new Int32Array(buffer, 0, HEADER / 4);
    this.#input = new Uint8Array(buffer, HEADER, INPUT_CAPACITY);
    this.#mutex = new Mutex(this.#words, WORD.lock);
    this.#hooks = hooks;
  }

  /** Gives the guest input; returns how many bytes there was room for. */
  feed(bytes: Uint8Array): number {
    this.#mutex.lock();
    try {
      const head = this.#get(WORD.head);
      const count = Math.min(bytes.length, INPUT_CAPACITY - this.#available());
      for (let i = 0; i < count; i++) this.#input[(head + i) & (INPUT_CAPACITY - 1)] = bytes[i] ?? 0;
      this.#words[WORD.head] = (head + count) | 0;
      if (count < bytes.length) this.#words[WORD.full] = 1;
      this.#updateIrq();
      return count;
    } finally {
      this.#mutex.unlock();
    }
  }

  /** Takes back the input that the guest has not read. */
  takeUnread(): Uint8Array {
    this.#mutex.lock();
    try {
      const tail = this.#get(WORD.tail);
      const unread = Uint8Array.from(
        { length: this.#available() },
        (_, i) => this.#input[(tail + i) & (INPUT_CAPACITY - 1)] ?? 0,
      );
      this.#words[WORD.tail] = this.#get(WORD.head);
      this.#words[WORD.full] = 0;
      this.#updateIrq();
      return unread;
    } finally {
      this.#mutex.unlock();
    }
  }

  read(port: number, size: number): number {
    const value = this.#readLocked(port & 7);
    // The UART drives eight of the bus's lines.
    return size === 1 ? value : size === 2 ? 0xff00 | value : (0xffffff00 | value) >>> 0;
  }

  write(port: number, _size: number, value: number): void {
    // Outside the lock: writing may have to wait for the main thread, which may be about to feed input.
    if (this.#writeLocked(port & 7, value & 0xff)) this.#hooks.output(value & 0xff);
  }

  // The lock is left even when the host refuses the interrupt line: the main thread must not wait for it for ever.

  #readLocked(register: number): number {
    this.#mutex.lock();
    try {
      return this.#readRegister(register);
    } finally {
      this.#mutex.unlock();
    }
  }

  #writeLocked(register: number, value: number): boolean {
    this.#mutex.lock();
    try {
      return this.#writeRegister(register, value);
    } finally {
      this.#mutex.unlock();
    }
  }

  #readRegister(register: number): number {
    const divisor = (this.#get(WORD.lcr) & LCR_DLAB) !== 0;
    switch (register) {
      case REGISTER.data:
        return divisor ? this.#get(WORD.divisor) & 0xff : this.#take();
      case REGISTER.ier:
        return divisor ? this.#get(WORD.divisor) >>> 8 : this.#get(WORD.ier);
      case REGISTER.iirFcr: {
        const cause = this.#cause();
        // Reading the cause "transmitter empty" acknowledges it.
        if (cause === IIR_EMPTY) {
          this.#words[WORD.emptyPending] = 0;
          this.#updateIrq();
        }
        return cause | (this.#get(WORD.fcr) & FCR_ENABLE ? IIR_FIFO : 0);
      }
      case REGISTER.lcr:
        return this.#get(WORD.lcr);
      case REGISTER.mcr:
        return this.#get(WORD.mcr);
      case REGISTER.lsr:
        return LSR_EMPTY | (this.#available() > 0 ? LSR_READY : 0);
      case REGISTER.msr:
        return this.#modemStatus();
      default:
        return this.#get(WORD.scratch);
    }
  }

  /** True when the byte is output. */
  #writeRegister(register: number, value: number): boolean {
    const divisor = (this.#get(WORD.lcr) & LCR_DLAB) !== 0;
    switch (register) {
      case REGISTER.data: {
        if (divisor) {
          this.#words[WORD.divisor] = (this.#get(WORD.divisor) & 0xff00) | value;
          return false;
        }
        this.#words[WORD.emptyPending] = 1;
        const loop = (this.#get(WORD.mcr) & MCR_LOOP) !== 0;
        if (loop) this.#loopBack(value);
        this.#updateIrq();
        return !loop;
      }
      case REGISTER.ier:
        if (divisor) {
          this.#words[WORD.divisor] = (this.#get(WORD.divisor) & 0xff) | (value << 8);
          return false;
        }
        // Enabling "transmitter empty" while it is empty raises it.
        if ((value & ~this.#get(WORD.ier) & IER_EMPTY) !== 0) this.#words[WORD.emptyPending] = 1;
        this.#words[WORD.ier] = value & 0x0f;
        break;
      case REGISTER.iirFcr:
        this.#words[WORD.fcr] = value;
        if ((value & FCR_CLEAR_RECEIVER) !== 0) this.#clearReceiver();
        break;
      case REGISTER.lcr:
        this.#words[WORD.lcr] = value;
        break;
      case REGISTER.mcr:
        this.#words[WORD.mcr] = value & 0x1f;
        break;
      case REGISTER.scratch:
        this.#words[WORD.scratch] = value;
        break;
    }
    this.#updateIrq();
    return false;
  }

  #get(word: number): number {
    return this.#words[word] ?? 0;
  }

  #available(): number {
    return (this.#get(WORD.head) - this.#get(WORD.tail)) | 0;
  }

  #take(): number {
    if (this.#available() === 0) return 0;
    const tail = this.#get(WORD.tail);
    this.#words[WORD.tail] = (tail + 1) | 0;
    this.#updateIrq();
    this.#askForInput();
    return this.#input[tail & (INPUT_CAPACITY - 1)] ?? 0;
  }

  /** Drops what a real FIFO could have held; input that was typed ahead of it stays. */
  #clearReceiver(): void {
    this.#words[WORD.tail] = (this.#get(WORD.tail) + Math.min(this.#available(), HARDWARE_FIFO)) | 0;
    this.#askForInput();
  }

  #askForInput(): void {
    if (this.#get(WORD.full) === 0 || this.#available() > INPUT_CAPACITY / 2) return;
    this.#words[WORD.full] = 0;
    this.#hooks.inputTaken();
  }

  #loopBack(value: number): void {
    if (this.#available() >= INPUT_CAPACITY) return;
    const head = this.#get(WORD.head);
    this.#input[head & (INPUT_CAPACITY - 1)] = value;
    this.#words[WORD.head] = (head + 1) | 0;
  }

  #modemStatus(): number {
    const mcr = this.#get(WORD.mcr);
    if ((mcr & MCR_LOOP) === 0) return MSR_CONNECTED;
    // In loopback DTR, RTS, OUT1 and OUT2 appear as DSR, CTS, RI and DCD.
    return ((mcr & 0x01) << 5) | ((mcr & 0x02) << 3) | ((mcr & 0x04) << 4) | ((mcr & 0x08) << 4);
  }

  #cause(): number {
    const ier = this.#get(WORD.ier);
    if ((ier & IER_RECEIVED) !== 0 && this.#available() > 0) return IIR_RECEIVED;
    if ((ier & IER_EMPTY) !== 0 && this.#get(WORD.emptyPending) !== 0) return IIR_EMPTY;
    return IIR_NONE;
  }

  #updateIrq(): void {
    // OUT2 gates the interrupt line on a PC.
    const asserted = this.#cause() !== IIR_NONE && (this.#get(WORD.mcr) & MCR_OUT2) !== 0 ? 1 : 0;
    if (asserted === this.#get(WORD.line)) return;
    this.#words[WORD.line] = asserted;
    this.#hooks.irq(asserted === 1);
  }
}
