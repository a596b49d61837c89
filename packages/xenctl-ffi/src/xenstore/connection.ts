import { XS } from "@pvh/abi";
import { errnoOf, eventOf } from "./answers.ts";
import { defect, refused, XenStoreError } from "./error.ts";
import { encodeMessage, MessageReader, type StoreMessage } from "./message.ts";
import { type Answer, describe, payloadOf, type StoreRequest } from "./request.ts";
import type { StoreTransport } from "./transport.ts";

interface Pending {
  request: StoreRequest;
  /** Of `performance.now()`. */
  sent: number;
  /** Settles the call with a reply. @throws XenStoreError for a reply that cannot be. */
  settle(reply: StoreMessage): void;
  reject(error: XenStoreError): void;
}

export interface ConnectionOptions {
  /** Told of every watch event. */
  event(path: string, token: string): void;
  /** Milliseconds after which a request that has no reply ends the connection. */
  silenceLimit: number;
}

/** Requests on their way and their replies, found by id, in any order. */
export class StoreConnection {
  /** Resolves when the connection has ended: with why, or undefined after {@link close}. */
  readonly closed: Promise<XenStoreError | undefined>;
  readonly #transport: StoreTransport;
  readonly #options: ConnectionOptions;
  readonly #reader = new MessageReader();
  /** By request id; the oldest is first. */
  readonly #pending = new Map<number, Pending>();
  readonly #resolveClosed: (cause: XenStoreError | undefined) => void;
  #requestId = 0;
  #ended: { cause: XenStoreError | undefined } | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(transport: StoreTransport, options: ConnectionOptions) {
    this.#transport = transport;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<XenStoreError | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    transport.open({
      received: (bytes) => this.#receive(bytes),
      ended: (cause) => this.#end(asStoreError(cause)),
    });
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** Sends the request at once. */
  request<T>(request: StoreRequest, { parse, instead = {} }: Answer<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const payload = payloadOf(request);
      if (this.#ended !== undefined) throw unanswered(request, this.#ended.cause);
      const { type, transactionId = 0 } = request;
      const settle = (reply: StoreMessage) => {
        if (reply.type === type) return resolve(parse(reply.payload));
        if (reply.type !== XS.ERROR) throw defect(`type ${reply.type} in reply to type ${type}`);
        const errno = errnoOf(reply.payload);
        for (const [name, value] of Object.entries(instead)) if (name === errno) return resolve(value);
        reject(refused(describe(request), errno));
      };
      const requestId = this.#freeId();
      this.#pending.set(requestId, { request, sent: performance.now(), settle, reject });
      this.#transport.send(encodeMessage({ type, requestId, transactionId, payload }));
      this.#silence ??= this.#lookAfter(this.#options.silenceLimit);
    });
  }

  /** Calls that are not answered yet are rejected. */
  close(): void {
    this.#end(undefined);
  }

  /** Ids wrap. */
  #freeId(): number {
    do this.#requestId = (this.#requestId + 1) >>> 0;
    while (this.#pending.has(this.#requestId));
    return this.#requestId;
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const message of this.#reader.take(bytes)) {
        this.#take(message);
        // A watch's callback may have closed the connection.
        if (!this.alive) return;
      }
    } catch (error) {
      this.#end(asStoreError(error));
    }
  }

  #take(message: StoreMessage): void {
    if (message.type === XS.WATCH_EVENT) {
      const { path, token } = eventOf(message.payload);
      this.#options.event(path, token);
      return;
    }
    const pending = this.#pending.get(message.requestId);
    if (pending === undefined) throw defect(`a reply to request ${message.requestId}, which nobody has made`);
    // Only then is it answered: when this throws, it is rejected with all others.
    pending.settle(message);
    this.#pending.delete(message.requestId);
  }

  /** Looks after so many milliseconds whether the oldest request has waited too long. */
  #lookAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      // What has come meanwhile is read first: it may be this process that has slept.
      setImmediate(() => {
        this.#silence = undefined;
        const [oldest] = this.#pending.values();
        if (oldest === undefined) return;
        const left = this.#options.silenceLimit - (performance.now() - oldest.sent);
        if (left > 0) this.#silence = this.#lookAfter(left);
        else this.#end(silent(oldest.request, this.#options.silenceLimit));
      });
    }, milliseconds).unref();
  }

  #end(cause: XenStoreError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { cause };
    clearTimeout(this.#silence);
    this.#transport.close();
    for (const { request, reject } of this.#pending.values()) reject(unanswered(request, cause));
    this.#pending.clear();
    this.#resolveClosed(cause);
  }
}

function unanswered(request: StoreRequest, cause: XenStoreError | undefined): XenStoreError {
  const how = cause === undefined ? "was closed here" : "has ended";
  return new XenStoreError(`xenstored cannot ${describe(request)}: the connection ${how}.`, { cause });
}

function silent(request: StoreRequest, limit: number): XenStoreError {
  return new XenStoreError(
    `xenstored has not answered within ${limit / 1000} s when it was asked to ${describe(request)}; look whether it runs or was stopped by a signal.`,
  );
}

function asStoreError(error: unknown): XenStoreError {
  if (error instanceof XenStoreError) return error;
  return new XenStoreError("The connection to xenstored failed.", { cause: error });
}
