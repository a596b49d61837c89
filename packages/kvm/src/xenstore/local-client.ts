import type { Permission, StoreClient } from "./client.ts";
import { isValidPath } from "./paths.ts";
import { nodePermissionOf } from "./permissions.ts";
import type { Session } from "./session.ts";
import { addWatch, closeSession, openSession, removeWatch } from "./sessions.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { StoreView } from "./store-view.ts";
import type { Transaction } from "./transaction.ts";
import { abortTransaction, commitTransaction, startTransaction } from "./transactions.ts";

export interface LocalClientOptions {
  /** Runs `work` later on the event loop; default: `setImmediate`. */
  defer?: (work: () => void) => void;
  /** Told what a watch's callback has thrown; default: `console.error`. */
  failed?: (error: unknown) => void;
}

/** The VMM's own code as a client of the store, with the rights of domain 0. */
export class LocalClient implements StoreClient {
  readonly #store: Store;
  readonly #session: Session;
  readonly #view: ViewClient;
  readonly #defer: (work: () => void) => void;
  readonly #failed: (error: unknown) => void;
  readonly #callbacks = new Map<string, (path: string) => void>();
  /** Events that wait for their callback, each once. */
  readonly #events = new Map<string, { token: string; path: string }>();
  #nextToken = 0;
  #scheduled = false;

  constructor(store: Store, options: LocalClientOptions = {}) {
    this.#store = store;
    this.#defer = options.defer ?? ((work) => void setImmediate(work));
    this.#failed = options.failed ?? ((error) => console.error(error));
    this.#session = openSession(store, 0, (path, token) => this.#event(path, token));
    this.#view = new ViewClient(this, new StoreView(store, this.#session));
  }

  read(path: string): string | undefined {
    return this.#view.read(path);
  }

  write(path: string, value: string): void {
    this.#view.write(path, value);
  }

  remove(path: string): void {
    this.#view.remove(path);
  }

  list(path: string): string[] {
    return this.#view.list(path);
  }

  setPermissions(path: string, permissions: readonly Permission[]): void {
    this.#view.setPermissions(path, permissions);
  }

  watch(path: string, changed: (path: string) => void): () => void {
    const token = `${this.#nextToken++}`;
    const watch = addWatch(this.#store, this.#session, path, token);
    this.#callbacks.set(token, changed);
    this.#session.send(watch, watch.path);
    return () => {
      if (!this.#callbacks.delete(token)) return;
      removeWatch(this.#store, this.#session, path, token);
    };
  }

  /** @throws StoreError EAGAIN when `work` goes around the transaction and changes what it has seen there */
  transaction<T>(work: (client: StoreClient) => T): T {
    const transaction: Transaction = startTransaction(this.#store, this.#session);
    let result: T;
    try {
      result = work(new ViewClient(this, new StoreView(this.#store, this.#session, transaction)));
    } catch (error) {
      abortTransaction(this.#store, this.#session, transaction);
      throw error;
    }
    commitTransaction(this.#store, this.#session, transaction);
    return result;
  }

  /** No callback runs any more. */
  close(): void {
    this.#callbacks.clear();
    this.#events.clear();
    closeSession(this.#store, this.#session);
  }

  #event(path: string, token: string): void {
    this.#events.set(`${path}\0${token}`, { token, path });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(() => this.#deliver());
  }

  /** What the callbacks cause waits for the next turn. */
  #deliver(): void {
    this.#scheduled = false;
    const events = [...this.#events.values()];
    this.#events.clear();
    for (const { token, path } of events) {
      try {
        this.#callbacks.get(token)?.(path);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}

/** One view of the tree as a {@link StoreClient}: the store itself, or a transaction. */
class ViewClient implements StoreClient {
  readonly #client: LocalClient;
  readonly #view: StoreView;

  constructor(client: LocalClient, view: StoreView) {
    this.#client = client;
    this.#view = view;
  }

  read(path: string): string | undefined {
    return whenPresent(path, () => this.#view.read(path).value);
  }

  write(path: string, value: string): void {
    this.#view.write(path, value);
  }

  remove(path: string): void {
    whenPresent(path, () => this.#view.remove(path));
  }

  list(path: string): string[] {
    return whenPresent(path, () => [...this.#view.read(path).children]) ?? [];
  }

  setPermissions(path: string, permissions: readonly Permission[]): void {
    this.#view.setPermissions(path, permissions.map(nodePermissionOf));
  }

  watch(path: string, changed: (path: string) => void): () => void {
    return this.#client.watch(path, changed);
  }

  /** Part of the transaction that there is; what `work` throws undoes that one when it is not caught. */
  transaction<T>(work: (client: StoreClient) => T): T {
    return work(this);
  }
}

/** Undefined for an absent node. A path that no node can have, such as one made from a guest's long name, is absent. */
function whenPresent<T>(path: string, access: () => T): T | undefined {
  if (!isValidPath(path)) return undefined;
  try {
    return access();
  } catch (error) {
    if (error instanceof StoreError && error.errno === "ENOENT") return undefined;
    throw error;
  }
}
