import { PvhError } from "@pvh/errors";
import type { Permission } from "./answers.ts";
import type { StoreView } from "./view.ts";

/** One change of the store, as data. */
export type StoreChange =
  | { kind: "write"; path: string; value: string }
  | { kind: "remove"; path: string }
  | { kind: "permissions"; path: string; permissions: readonly Permission[] };

/**
 * What the synchronous `work` does to the store: the changes of each transaction, in order. Changes between transactions
 * make one more. Nothing is sent; `store.apply` carries out a list, and one of all lists (`.flat()`) as well.
 */
export function record(work: (client: StoreRecorder) => void): StoreChange[][] {
  const transactions: StoreChange[][] = [[]];
  work(new StoreRecorder(transactions));
  return transactions.filter(({ length }) => length > 0);
}

/** Sends all changes before it waits for the first answer. */
export async function makeChanges(view: StoreView, changes: readonly StoreChange[]): Promise<void> {
  await Promise.all(changes.map((change) => makeChange(view, change)));
}

function makeChange(view: StoreView, change: StoreChange): Promise<void> {
  switch (change.kind) {
    case "write":
      return view.write(change.path, change.value);
    case "remove":
      return view.remove(change.path);
    case "permissions":
      return view.setPermissions(change.path, change.permissions);
  }
}

/**
 * A client of the same shape as the `StoreClient` of `@pvh/kvm`, so that what fills a store in the same thread fills the
 * host's as well. It knows nothing of what is in the store: whoever reads gets an error.
 */
export class StoreRecorder {
  readonly #transactions: StoreChange[][];
  readonly #inside: boolean;

  constructor(transactions: StoreChange[][], inside = false) {
    this.#transactions = transactions;
    this.#inside = inside;
  }

  write(path: string, value: string): void {
    this.#add({ kind: "write", path, value });
  }

  remove(path: string): void {
    this.#add({ kind: "remove", path });
  }

  setPermissions(path: string, permissions: readonly Permission[]): void {
    this.#add({ kind: "permissions", path, permissions: permissions.map((entry) => ({ ...entry })) });
  }

  /** Part of the transaction that there is. What `work` throws leaves nothing of it. */
  transaction<T>(work: (client: StoreRecorder) => T): T {
    if (this.#inside) return work(this);
    const own: StoreChange[][] = [[]];
    const result = work(new StoreRecorder(own, true));
    this.#transactions.push(...own, []);
    return result;
  }

  read(path: string): string | undefined {
    throw blind(`read ${path}`);
  }

  list(path: string): string[] {
    throw blind(`list ${path}`);
  }

  watch(path: string, _changed: (path: string) => void): () => void {
    throw blind(`watch ${path}`);
  }

  #add(change: StoreChange): void {
    this.#transactions.at(-1)?.push(change);
  }
}

function blind(what: string): PvhError {
  return new PvhError("INTERNAL", `Changes of the store are only recorded, so nobody can ${what} meanwhile.`);
}
