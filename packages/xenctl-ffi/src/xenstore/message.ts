/** The stream of messages, whatever carries it. */
import { XENSTORE_PAYLOAD_MAX, xsdSockmsg } from "@pvh/abi";
import { defect } from "./error.ts";

export interface StoreMessage {
  type: number;
  requestId: number;
  transactionId: number;
  /** A byte string. */
  payload: string;
}

export function encodeMessage({ type, requestId, transactionId, payload }: StoreMessage): Uint8Array {
  const bytes = Buffer.allocUnsafe(xsdSockmsg.size + payload.length);
  xsdSockmsg.writeTo(bytes, 0, { type, req_id: requestId, tx_id: transactionId, len: payload.length });
  bytes.write(payload, xsdSockmsg.size, "latin1");
  return bytes;
}

/** Takes the stream in any pieces and never holds more than one message of it. */
export class MessageReader {
  readonly #bytes = Buffer.alloc(xsdSockmsg.size + XENSTORE_PAYLOAD_MAX);
  #filled = 0;
  /** Bytes of the message that are to be there next: its header, or all of it. */
  #wanted = xsdSockmsg.size;

  /**
   * The messages that `piece` completes.
   *
   * @throws XenStoreError for a payload that is too long: what follows cannot be told apart any more.
   */
  *take(piece: Uint8Array): Generator<StoreMessage, void> {
    let at = 0;
    for (;;) {
      const count = Math.min(this.#wanted - this.#filled, piece.length - at);
      this.#bytes.set(piece.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#wanted) return;
      const { type, req_id, tx_id, len } = xsdSockmsg.decode(this.#bytes);
      if (len > XENSTORE_PAYLOAD_MAX) throw defect(`a message of ${len} bytes`);
      const end = xsdSockmsg.size + len;
      this.#wanted = end;
      if (this.#filled < end) continue;
      this.#filled = 0;
      this.#wanted = xsdSockmsg.size;
      const payload = this.#bytes.toString("latin1", xsdSockmsg.size, end);
      yield { type, requestId: req_id, transactionId: tx_id, payload };
    }
  }
}
