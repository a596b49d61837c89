import { setTimeout as pause } from "node:timers/promises";
import { XS } from "@pvh/abi";
import { acknowledged, transactionIdOf } from "./answers.ts";
import { XenStoreError } from "./error.ts";
import type { Answer, SendRequest, StoreRequest } from "./request.ts";
import { StoreView } from "./view.ts";

/** Times that a transaction is tried. Guests can change what it reads, but not this often. */
const ATTEMPTS_MAX = 50;

/**
 * Makes all changes of `work` visible at once. `work` runs again, on a fresh view, when others have changed meanwhile
 * what it has seen. What it throws undoes its changes, and so does any request of it that xenstored refuses, whether
 * somebody waits for its answer or not.
 */
export async function runTransaction<T>(
  send: SendRequest,
  work: (view: StoreView) => Promise<T> | T,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(send, work);
    if ("result" in outcome) return outcome.result;
    if (attempt === ATTEMPTS_MAX) {
      throw new XenStoreError(
        `xenstored refuses to commit a transaction: EAGAIN, others have changed the same nodes each of ${attempt} times; try again.`,
        { errno: "EAGAIN", cause: outcome.conflict },
      );
    }
    // Two that disturb each other must not stay in step.
    await pause(Math.random() * attempt);
  }
}

type Outcome<T> = { result: T } | { conflict: XenStoreError };

async function tryOnce<T>(send: SendRequest, work: (view: StoreView) => Promise<T> | T): Promise<Outcome<T>> {
  const start = { type: XS.TRANSACTION_START, verb: "start a transaction", strings: [""] };
  const requests = new TransactionRequests(send, await send(start, { parse: transactionIdOf }));
  try {
    let result: T;
    try {
      result = await work(new StoreView((request, answer) => requests.send(request, answer)));
      await requests.finish();
    } catch (error) {
      await requests.end("F").catch(() => {
        // A connection that has ended has undone it as well; `error` is what matters.
      });
      throw error;
    }
    // Whatever the answer is, xenstored has forgotten the transaction.
    await requests.end("T");
    return { result };
  } catch (error) {
    if (error instanceof XenStoreError && error.errno === "EAGAIN") return { conflict: error };
    throw error;
  }
}

/** The requests of one transaction, until it ends. */
class TransactionRequests {
  readonly #sendRequest: SendRequest;
  readonly #transactionId: number;
  readonly #sent: Promise<unknown>[] = [];
  #over = false;

  constructor(send: SendRequest, transactionId: number) {
    this.#sendRequest = send;
    this.#transactionId = transactionId;
  }

  send<T>(request: StoreRequest, answer: Answer<T>): Promise<T> {
    // Its id may be another transaction's later.
    if (this.#over) return Promise.reject(new XenStoreError("The transaction of XenStore is over."));
    const sent = this.#sendRequest({ ...request, transactionId: this.#transactionId }, answer);
    // Heard here, so that a failure which nobody awaits ends the transaction and not the process.
    sent.catch(() => {});
    this.#sent.push(sent);
    return sent;
  }

  /** Waits for all answers; the first failure is thrown. Only then may the transaction be committed. */
  async finish(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#sent);
  }

  end(how: "T" | "F"): Promise<void> {
    this.#over = true;
    const verb = how === "T" ? "commit a transaction" : "undo a transaction";
    const request = { type: XS.TRANSACTION_END, verb, strings: [how], transactionId: this.#transactionId };
    return this.#sendRequest(request, { parse: acknowledged });
  }
}
