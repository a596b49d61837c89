/** For tests: a client that speaks the wire protocol with a store in the same thread. */
import { XENSTORE_RING_SIZE, XS, xenstoreDomainInterface, xsdSockmsg } from "@pvh/abi";
import { textOf } from "./byte-text.ts";
import { encodeMessage, type OutgoingMessage, StoreConnection } from "./protocol.ts";
import { StoreRing } from "./ring.ts";
import { Store } from "./store.ts";

/** A request's bytes. */
export function request(
  type: number,
  payload: string,
  transactionId = 0,
  requestId = 0,
): Uint8Array<ArrayBuffer> {
  return encodeMessage({ type, requestId, transactionId, payload });
}

/** Splits a stream of messages; what is not whole is left out. */
export function decodeMessages(bytes: Uint8Array): OutgoingMessage[] {
  const messages: OutgoingMessage[] = [];
  for (let at = 0; at + xsdSockmsg.size <= bytes.length; ) {
    const { type, req_id, tx_id, len } = xsdSockmsg.decode(bytes, at);
    const end = at + xsdSockmsg.size + len;
    if (end > bytes.length) break;
    const payload = textOf(bytes.subarray(at + xsdSockmsg.size, end));
    messages.push({ type, requestId: req_id, transactionId: tx_id, payload });
    at = end;
  }
  return messages;
}

/** A store with domains 0 to 3; domain 1 owns its home. */
export function storeWithHome(quotas: ConstructorParameters<typeof Store>[0] = {}): Store {
  const store = new Store(quotas);
  for (const domid of [1, 2, 3]) store.domains.add(domid, store.generation);
  const dom0 = new TestClient(store, 0);
  dom0.ask(XS.WRITE, "/local/domain/1\0");
  dom0.ask(XS.SET_PERMS, "/local/domain/1\0n1\0");
  dom0.connection.close();
  return store;
}

export class TestClient {
  readonly connection: StoreConnection;
  readonly messages: OutgoingMessage[] = [];

  constructor(store: Store, domid: number) {
    this.connection = new StoreConnection(store, domid, (message) => {
      this.messages.push(...decodeMessages(encodeMessage(message)));
    });
  }

  /** The reply's payload, or the name of the error; `OK` without its NUL. */
  ask(type: number, payload: string, transaction = 0): string {
    const before = this.messages.length;
    this.connection.receive(request(type, payload, transaction));
    const at = this.messages.findIndex((message, i) => i >= before && message.type !== XS.WATCH_EVENT);
    const [reply] = at < 0 ? [] : this.messages.splice(at, 1);
    if (reply === undefined) return "no reply";
    return reply.payload.endsWith("\0") && !reply.payload.slice(0, -1).includes("\0")
      ? reply.payload.slice(0, -1)
      : reply.payload;
  }

  start(): number {
    return Number(this.ask(XS.TRANSACTION_START, "\0"));
  }

  end(transaction: number, how: "T" | "F" = "T"): string {
    return this.ask(XS.TRANSACTION_END, `${how}\0`, transaction);
  }

  /** Events since the last call, as `path token`. */
  events(): string[] {
    return this.messages.splice(0).map(({ payload }) => payload.slice(0, -1).replace("\0", " "));
  }
}

/** The guest's side of a ring page. */
export class RingGuest {
  readonly page = new Uint8Array(4096);
  readonly ring: StoreRing;
  notified = 0;
  readonly #view = new DataView(this.page.buffer);
  #received: number[] = [];

  constructor(store: Store, domid = 1) {
    this.ring = new StoreRing(store, domid, this.page, () => {
      this.notified++;
    });
  }

  get(field: IndexField): number {
    return this.#view.getUint32(xenstoreDomainInterface.fields[field].offset, true);
  }

  set(field: IndexField, value: number): void {
    this.#view.setUint32(xenstoreDomainInterface.fields[field].offset, value >>> 0, true);
  }

  /** Puts as many bytes as there is room for; returns how many. */
  put(bytes: Uint8Array): number {
    const producer = this.get("req_prod");
    const room = XENSTORE_RING_SIZE - ((producer - this.get("req_cons")) >>> 0);
    const count = Math.min(room, bytes.length);
    for (let i = 0; i < count; i++) this.page[(producer + i) % XENSTORE_RING_SIZE] = bytes[i] ?? 0;
    this.set("req_prod", producer + count);
    return count;
  }

  /** Takes everything that is there; the whole messages so far. */
  take(): OutgoingMessage[] {
    const consumer = this.get("rsp_cons");
    const count = (this.get("rsp_prod") - consumer) >>> 0;
    for (let i = 0; i < count; i++) {
      this.#received.push(this.page[XENSTORE_RING_SIZE + ((consumer + i) % XENSTORE_RING_SIZE)] ?? 0);
    }
    this.set("rsp_cons", consumer + count);
    const messages = decodeMessages(Uint8Array.from(this.#received));
    const used = messages.reduce((sum, { payload }) => sum + xsdSockmsg.size + payload.length, 0);
    this.#received = this.#received.slice(used);
    return messages;
  }

  /** Sends requests through the ring as a guest driver does, and takes what comes until nothing does. */
  exchange(requests: readonly Uint8Array[]): OutgoingMessage[] {
    const stream = Uint8Array.from(requests.flatMap((bytes) => [...bytes]));
    const messages: OutgoingMessage[] = [];
    let sent = 0;
    for (let idle = 0; idle < 2; ) {
      const count = this.put(stream.subarray(sent));
      sent += count;
      const more = this.ring.service();
      const received = this.take();
      messages.push(...received);
      idle = count > 0 || more || received.length > 0 ? 0 : idle + 1;
    }
    return messages;
  }
}

export type IndexField =
  | "req_cons"
  | "req_prod"
  | "rsp_cons"
  | "rsp_prod"
  | "server_features"
  | "connection"
  | "error";
