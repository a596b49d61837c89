import { XS } from "@pvh/abi";
import { encodeMessage, messageSize, type OutgoingMessage } from "./protocol.ts";
import type { Store } from "./store.ts";

/** Messages at the start of the list that are gone, before the list is cut. */
const SLACK = 256;

/**
 * Messages for a guest that waits for room in its ring. Bounded: replies by the requests that are read
 * ({@link Quotas.outstanding}), events by the domain's memory, and an event that waits already does not wait
 * twice, except a special one.
 */
export class OutputQueue {
  readonly #store: Store;
  readonly #domid: number;
  #messages: OutgoingMessage[] = [];
  #head = 0;
  /** The bytes of the first message that are not out, once some are. */
  #rest: Uint8Array | undefined;
  #replies = 0;
  /** Payloads of events of which nothing is out. */
  readonly #waiting = new Set<string>();

  constructor(store: Store, domid: number) {
    this.#store = store;
    this.#domid = domid;
  }

  /** Replies that are not wholly out. */
  get replies(): number {
    return this.#replies;
  }

  add(message: OutgoingMessage): void {
    const { domains } = this.#store;
    const { type, payload } = message;
    const size = messageSize(message);
    if (type !== XS.WATCH_EVENT) {
      this.#replies++;
      domains.addMemory(this.#domid, size);
    } else {
      // One request can cause a hundred thousand events: those without room cost little.
      if (!domains.tryAddMemory(this.#domid, size)) return;
      if (!payload.startsWith("@") && this.#waiting.has(payload)) {
        domains.addMemory(this.#domid, -size);
        return;
      }
      this.#waiting.add(payload);
    }
    this.#messages.push(message);
  }

  /** What is left of the first message; undefined when nothing waits. */
  first(): Uint8Array | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#rest ??= encodeMessage(message);
    return this.#rest;
  }

  /** So many bytes of the first message are out. */
  advance(count: number): void {
    const message = this.#messages[this.#head];
    if (message === undefined || this.#rest === undefined || count === 0) return;
    if (message.type === XS.WATCH_EVENT) this.#waiting.delete(message.payload);
    this.#rest = this.#rest.subarray(count);
    if (this.#rest.length > 0) return;
    this.#rest = undefined;
    this.#head++;
    this.#forget(message);
    if (this.#head < SLACK && this.#head < this.#messages.length) return;
    this.#messages.splice(0, this.#head);
    this.#head = 0;
  }

  clear(): void {
    for (const message of this.#messages.slice(this.#head)) this.#forget(message);
    this.#messages = [];
    this.#head = 0;
    this.#rest = undefined;
    this.#waiting.clear();
  }

  #forget(message: OutgoingMessage): void {
    if (message.type !== XS.WATCH_EVENT) this.#replies--;
    this.#store.domains.addMemory(this.#domid, -messageSize(message));
  }
}
