import { XS } from "@pvh/abi";
import { acknowledged, truthOf } from "./answers.ts";
import { StoreConnection } from "./connection.ts";
import type { XenStoreError } from "./error.ts";
import { makeChanges, type StoreChange } from "./recorder.ts";
import type { Answer, SendRequest } from "./request.ts";
import { runTransaction } from "./transaction.ts";
import type { StoreTransport } from "./transport.ts";
import { StoreView } from "./view.ts";
import { Watches } from "./watches.ts";

export interface XenStoreOptions {
  /** Told what a watch's callback has thrown; default: `console.error`. */
  failed?: (error: unknown) => void;
  /**
   * Milliseconds after which a request that has no reply ends the connection. The default is above the minute that
   * xenstored itself gives its live update.
   */
  silenceLimit?: number;
}

/** A connection to the host's xenstored, with the rights of domain 0. As a view, it is the store outside transactions. */
export class XenStore extends StoreView {
  readonly #connection: StoreConnection;
  readonly #send: SendRequest;
  readonly #watches: Watches;
  #applied: Promise<unknown> = Promise.resolve();

  constructor(transport: StoreTransport, options: XenStoreOptions = {}) {
    const { failed = (error) => console.error(error), silenceLimit = 120_000 } = options;
    const connection = new StoreConnection(transport, {
      event: (path, token) => watches.fire(path, token),
      silenceLimit,
    });
    const send: SendRequest = (request, answer) => connection.request(request, answer);
    const watches = new Watches({ send, alive: () => connection.alive, failed });
    super(send);
    this.#connection = connection;
    this.#send = send;
    this.#watches = watches;
  }

  /** Resolves when the connection has ended: with why, or undefined after {@link close}. Open calls are rejected then. */
  get closed(): Promise<XenStoreError | undefined> {
    return this.#connection.closed;
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * Makes all changes of `work` visible at once. `work` may run several times: again when others have changed meanwhile
   * what it has seen. What it throws undoes its changes, and so does any request of it that xenstored refuses, whether
   * somebody waits for its answer or not.
   */
  transaction<T>(work: (view: StoreView) => Promise<T> | T): Promise<T> {
    return runTransaction(this.#send, work);
  }

  /** Makes the changes in one transaction, in three round trips however many they are. */
  apply(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    const apply = () => this.transaction((view) => makeChanges(view, changes));
    // One after the other: those of many domains at once would have each other tried again and again.
    const applied = this.#applied.then(apply, apply);
    this.#applied = applied;
    return applied;
  }

  /**
   * Calls `changed` once at first, which may be before the promise resolves, and again after each change at `path` or
   * below it, with the path that changed. `@introduceDomain` and `@releaseDomain` can be watched as well. Returns how to
   * stop; `changed` is not called any more from then on.
   */
  watch(path: string, changed: (path: string) => void): Promise<() => Promise<void>> {
    return this.#watches.add(path, changed);
  }

  /** Has xenstored serve the domain's ring: its page, which is zeroed, and the domain's port. */
  introduce(domid: number, gfn: number, port: number): Promise<void> {
    return this.#aboutDomain(XS.INTRODUCE, "introduce domain", [domid, gfn, port], done);
  }

  isIntroduced(domid: number): Promise<boolean> {
    return this.#aboutDomain(XS.IS_DOMAIN_INTRODUCED, "look for domain", [domid], { parse: truthOf });
  }

  /** Has xenstored serve the domain no longer. */
  release(domid: number): Promise<void> {
    return this.#aboutDomain(XS.RELEASE, "release domain", [domid], done);
  }

  /** Tells xenstored that the domain, which was shut down, goes on; its next shutdown fires `@releaseDomain` again. */
  resume(domid: number): Promise<void> {
    return this.#aboutDomain(XS.RESUME, "resume domain", [domid], done);
  }

  #aboutDomain<T>(type: number, verb: string, numbers: number[], answer: Answer<T>): Promise<T> {
    return this.#send({ type, verb, subject: numbers[0] ?? 0, strings: numbers.map(String) }, answer);
  }
}

const done: Answer<undefined> = { parse: acknowledged };
