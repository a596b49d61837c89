import {
  XENSTORE_CONNECTION,
  XENSTORE_ERROR,
  XENSTORE_RING_SIZE,
  XENSTORE_SERVER_FEATURE,
  xenstoreDomainInterface,
} from "@pvh/abi";
import { OutputQueue } from "./output-queue.ts";
import { type OutgoingMessage, StoreConnection } from "./protocol.ts";
import type { Store } from "./store.ts";

const { fields } = xenstoreDomainInterface;
const PAGE_SIZE = 4096;
/** Requests, and pieces of the ring, that one call of {@link StoreRing.service} takes at most. */
const BUDGET = 256;

/**
 * The ring page between a guest and the store (docs/misc/xenstore-ring.txt). The page lies in guest memory: its indices
 * are read once for each use and checked. When they cannot be, or a request is too long, the error is written to the
 * page and the ring is served no more, as xenstored does it; the guest may then ask for a fresh start.
 */
export class StoreRing {
  readonly #connection: () => StoreConnection;
  #current: StoreConnection;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #queue: OutputQueue;
  readonly #notify: () => void;
  readonly #outstanding: number;
  #serving = false;
  #closed = false;

  /**
   * @param page the 4096 bytes of the page, aligned to 4 in their buffer
   * @param notify tells the guest; called after bytes were taken or put, also from inside a request of another client
   */
  constructor(store: Store, domid: number, page: Uint8Array, notify: () => void) {
    if (page.length < PAGE_SIZE) throw new RangeError(`a ring page has 4096 bytes, not ${page.length}`);
    this.#bytes = page;
    this.#words = new Int32Array(page.buffer, page.byteOffset, PAGE_SIZE / 4);
    this.#queue = new OutputQueue(store, domid);
    this.#notify = notify;
    this.#outstanding = store.quotas.outstanding;
    this.#connection = () => new StoreConnection(store, domid, (message) => this.#enqueue(message));
    this.#current = this.#connection();
    const { RECONNECTION, ERROR } = XENSTORE_SERVER_FEATURE;
    this.#store(fields.server_features, RECONNECTION | ERROR);
  }

  /** False when the ring is served no more. */
  get alive(): boolean {
    return this.#current.alive;
  }

  /**
   * Takes requests and puts replies and events, as far as there is room, in bounded time. Call it when the guest has
   * notified.
   *
   * @returns whether there is more to do at once: then call again after others have had their turn
   */
  service(): boolean {
    if (this.#closed) return false;
    if (this.#load(fields.connection) === XENSTORE_CONNECTION.RECONNECT) {
      this.restart();
      return false;
    }
    if (!this.alive) return false;
    this.#serving = true;
    let moved = this.#putOutput();
    let budget = BUDGET;
    while (budget > 0 && this.alive && this.#queue.replies < this.#outstanding && this.#takeInput()) {
      moved = true;
      budget--;
      this.#putOutput();
    }
    this.#serving = false;
    if (moved) this.#notify();
    return budget === 0;
  }

  /** Empties the rings and starts again without requests, watches and transactions, as when the domain is introduced. */
  restart(): void {
    if (this.#closed) return;
    this.#queue.clear();
    if (this.alive) this.#current.reset();
    else this.#current = this.#connection();
    for (const index of [fields.req_cons, fields.req_prod, fields.rsp_cons, fields.rsp_prod]) {
      this.#store(index, 0);
    }
    this.#store(fields.error, XENSTORE_ERROR.NONE);
    this.#store(fields.connection, XENSTORE_CONNECTION.CONNECTED);
    this.#notify();
  }

  /** The page is not touched any more. */
  close(): void {
    this.#closed = true;
    this.#current.close();
    this.#queue.clear();
  }

  #enqueue(message: OutgoingMessage): void {
    if (!this.alive) return;
    this.#queue.add(message);
    if (this.#serving) return;
    // Something outside the guest's own requests, such as a toolstack's write, has caused an event.
    if (this.#putOutput()) this.#notify();
  }

  /** At most what the connection wants, so that replies are counted after each request. False when nothing is there. */
  #takeInput(): boolean {
    const cons = this.#load(fields.req_cons);
    const available = (this.#load(fields.req_prod) - cons) >>> 0;
    if (available > XENSTORE_RING_SIZE) {
      this.#fail(XENSTORE_ERROR.RINGIDX);
      return false;
    }
    if (available === 0) return false;
    const start = cons % XENSTORE_RING_SIZE;
    const count = Math.min(available, XENSTORE_RING_SIZE - start, this.#current.wanted);
    const at = fields.req.offset + start;
    // A copy: the guest may change the bytes while they are read.
    const piece = this.#bytes.slice(at, at + count);
    this.#store(fields.req_cons, cons + count);
    if (!this.#current.receive(piece)) this.#fail(XENSTORE_ERROR.PROTO);
    return true;
  }

  /** Whether anything went out. */
  #putOutput(): boolean {
    let moved = false;
    for (let message = this.#queue.first(); message !== undefined; message = this.#queue.first()) {
      const cons = this.#load(fields.rsp_cons);
      const prod = this.#load(fields.rsp_prod);
      const used = (prod - cons) >>> 0;
      if (used > XENSTORE_RING_SIZE) {
        this.#fail(XENSTORE_ERROR.RINGIDX);
        return moved;
      }
      const start = prod % XENSTORE_RING_SIZE;
      const count = Math.min(message.length, XENSTORE_RING_SIZE - used, XENSTORE_RING_SIZE - start);
      if (count === 0) return moved;
      this.#bytes.set(message.subarray(0, count), fields.rsp.offset + start);
      this.#store(fields.rsp_prod, prod + count);
      this.#queue.advance(count);
      moved = true;
    }
    return moved;
  }

  #fail(error: number): void {
    this.#store(fields.error, error);
    this.#current.close();
    this.#queue.clear();
  }

  #load({ offset }: { offset: number }): number {
    return Atomics.load(this.#words, offset / 4) >>> 0;
  }

  #store({ offset }: { offset: number }, value: number): void {
    Atomics.store(this.#words, offset / 4, value | 0);
  }
}
