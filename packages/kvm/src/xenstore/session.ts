import { homeOf } from "./paths.ts";
import type { Principal } from "./permissions.ts";
import { StoreError } from "./store-error.ts";
import { Transaction } from "./transaction.ts";
import { eventPath, type Watch } from "./watch.ts";

/** Takes a watch event; called from inside the request that caused it, so it must only queue. */
export type Deliver = (path: string, token: string) => void;

/** The store's side of one client: who it is, its watches and its transactions. */
export class Session implements Principal {
  readonly domid: number;
  readonly privileged: boolean;
  readonly home: string;
  readonly deliver: Deliver;
  /** In the order in which they were set, which is the order of their events. */
  watches: Watch[] = [];
  readonly transactions = new Map<number, Transaction>();
  #nextTransaction = 1;

  constructor(domid: number, deliver: Deliver) {
    this.domid = domid;
    this.privileged = domid === 0;
    this.home = homeOf(domid);
    this.deliver = deliver;
  }

  /** Tells the client of a change at `path`. */
  send(watch: Watch, path: string): void {
    this.deliver(eventPath(watch, path), watch.token);
  }

  /** @throws StoreError ENOENT when there is no such transaction. */
  transaction(id: number): Transaction | undefined {
    if (id === 0) return undefined;
    const transaction = this.transactions.get(id);
    if (transaction === undefined) throw new StoreError("ENOENT");
    return transaction;
  }

  newTransaction(): Transaction {
    while (this.#nextTransaction === 0 || this.transactions.has(this.#nextTransaction)) {
      this.#nextTransaction = (this.#nextTransaction + 1) >>> 0;
    }
    const transaction = new Transaction(this.#nextTransaction);
    this.#nextTransaction = (this.#nextTransaction + 1) >>> 0;
    this.transactions.set(transaction.id, transaction);
    return transaction;
  }
}
