/** What carries the stream of messages: xenstored's socket; the kernel's /dev/xen/xenbus would do as well. */
export interface StoreTransport {
  /** Called once, and before anything else. */
  open(listener: TransportListener): void;
  /** Sends soon and in order; never throws. */
  send(message: Uint8Array): void;
  /** Drops what is on its way. Idempotent; the listener is not called any more. */
  close(): void;
}

export interface TransportListener {
  /** Any piece of the stream; the bytes belong to the transport again after the call. */
  received(bytes: Uint8Array): void;
  /** Nothing comes any more, and nothing can be sent. */
  ended(cause: Error): void;
}
