import { XENSTORE_PAYLOAD_MAX, XS, xsdSockmsg } from "@pvh/abi";
import { putText, textOf } from "./byte-text.ts";
import { answer } from "./requests.ts";
import type { Session } from "./session.ts";
import { closeSession, openSession, resetSession } from "./sessions.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** One message for a client; {@link encodeMessage} gives its bytes. */
export interface OutgoingMessage {
  type: number;
  requestId: number;
  transactionId: number;
  /** A byte string. */
  payload: string;
}

/** Takes a message for the client. It must only queue. */
export type SendMessage = (message: OutgoingMessage) => void;

/**
 * One client of the store over a stream of bytes: a guest's ring, or a socket. Takes the stream in any pieces, carries
 * out each request as soon as it is whole and gives the replies and watch events to `send`.
 *
 * Nothing that the client sends throws. A payload longer than the protocol allows ends the connection, because what
 * follows cannot be told apart any more.
 */
export class StoreConnection {
  readonly domid: number;
  readonly #store: Store;
  readonly #session: Session;
  readonly #send: SendMessage;
  readonly #header = new Uint8Array(xsdSockmsg.size);
  #payload: Uint8Array | undefined;
  /** Bytes that are there of the header, or of the payload when there is one. */
  #filled = 0;
  #ended = false;

  constructor(store: Store, domid: number, send: SendMessage) {
    this.domid = domid;
    this.#store = store;
    this.#send = send;
    this.#session = openSession(store, domid, (path, token) => this.#event(path, token));
  }

  /** False once the connection has ended: by {@link close}, or by a payload that is too long. */
  get alive(): boolean {
    return !this.#ended;
  }

  /** Bytes until the next header or payload is whole. No more than one request is carried out in so many. */
  get wanted(): number {
    return (this.#payload ?? this.#header).length - this.#filled;
  }

  /** False when the connection has ended; it takes nothing more then. */
  receive(bytes: Uint8Array): boolean {
    let at = 0;
    while (!this.#ended && at < bytes.length) {
      const count = Math.min(this.wanted, bytes.length - at);
      (this.#payload ?? this.#header).set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.wanted === 0) this.#advance();
    }
    return !this.#ended;
  }

  /** Drops watches and transactions, and what is there of a request. */
  reset(): void {
    resetSession(this.#store, this.#session);
    this.#startMessage();
  }

  close(): void {
    this.#ended = true;
    closeSession(this.#store, this.#session);
    this.#startMessage();
  }

  #startMessage(): void {
    this.#payload = undefined;
    this.#filled = 0;
  }

  /** The header or the payload is whole. */
  #advance(): void {
    const { type, req_id, tx_id, len } = xsdSockmsg.decode(this.#header);
    if (this.#payload === undefined) {
      if (len > XENSTORE_PAYLOAD_MAX) {
        this.close();
        return;
      }
      this.#payload = new Uint8Array(len);
      this.#filled = 0;
      if (len > 0) return;
    }
    const payload = textOf(this.#payload);
    this.#startMessage();
    this.#carryOut(type, req_id, tx_id, payload);
  }

  #carryOut(type: number, requestId: number, transactionId: number, payload: string): void {
    try {
      const reply = answer(this.#store, this.#session, type, transactionId, payload);
      this.#send({ type, requestId, transactionId, payload: reply.payload });
      reply.after?.();
    } catch (error) {
      // The store itself has no failure that a request could cause, so whatever it is, the client is told.
      const errno = error instanceof StoreError ? error.errno : "EIO";
      this.#send({ type: XS.ERROR, requestId, transactionId, payload: `${errno}\0` });
    }
  }

  #event(path: string, token: string): void {
    const payload = `${path}\0${token}\0`;
    if (payload.length > XENSTORE_PAYLOAD_MAX) return;
    this.#send({ type: XS.WATCH_EVENT, requestId: 0, transactionId: 0, payload });
  }
}

/** Bytes of the whole message. */
export function messageSize({ payload }: OutgoingMessage): number {
  return xsdSockmsg.size + payload.length;
}

export function encodeMessage(message: OutgoingMessage): Uint8Array<ArrayBuffer> {
  const { type, requestId, transactionId, payload } = message;
  const bytes = new Uint8Array(messageSize(message));
  xsdSockmsg.writeTo(bytes, 0, { type, req_id: requestId, tx_id: transactionId, len: payload.length });
  putText(bytes, xsdSockmsg.size, payload);
  return bytes;
}
