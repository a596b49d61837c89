import { connect, type Socket } from "node:net";
import { XS, xsdSockmsg } from "@pvh/abi";

export interface StoreMessage {
  type: number;
  requestId: number;
  transactionId: number;
  /** Latin-1 text. */
  payload: string;
}

/** A client of any store on a Unix socket: one request at a time, watch events on the side. */
export class StoreTestClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #events: StoreMessage[] = [];
  #answered: ((reply: StoreMessage | undefined) => void) | undefined;
  #requestId = 0;
  #ended = false;

  static connect(path: string): Promise<StoreTestClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new StoreTestClient(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#ended = true;
      this.#answered?.(undefined);
    });
  }

  /** Undefined when the store has closed the connection instead of replying. */
  request(type: number, payload: string, transactionId = 0): Promise<StoreMessage | undefined> {
    const body = Buffer.from(payload, "latin1");
    const header = { type, req_id: ++this.#requestId, tx_id: transactionId, len: body.length };
    return this.send(Buffer.concat([xsdSockmsg.encode(header), body]));
  }

  /** Sends bytes as they are and waits for the next reply. */
  send(bytes: Uint8Array): Promise<StoreMessage | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#answered = (reply) => {
        this.#answered = undefined;
        resolve(reply);
      };
      this.#socket.write(bytes);
    });
  }

  /** Events since the last call. */
  takeEvents(): StoreMessage[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= xsdSockmsg.size) {
      const { type, req_id, tx_id, len } = xsdSockmsg.decode(this.#received);
      const end = xsdSockmsg.size + len;
      if (this.#received.length < end) return;
      const payload = this.#received.toString("latin1", xsdSockmsg.size, end);
      this.#received = this.#received.subarray(end);
      const message = { type, requestId: req_id, transactionId: tx_id, payload };
      if (type === XS.WATCH_EVENT) this.#events.push(message);
      else this.#answered?.(message);
    }
  }
}
