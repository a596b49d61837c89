import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { ABSENT, type Transaction } from "./transaction.ts";

/** @throws StoreError ENOSPC when the client has too many already */
export function startTransaction(store: Store, session: Session): Transaction {
  if (!session.privileged && session.transactions.size > store.quotas.transactions) {
    throw new StoreError("ENOSPC");
  }
  // Counts as a change, so that a later domain is younger than the transaction.
  store.nextGeneration();
  return session.newTransaction();
}

/** Forgets everything that was done in it. */
export function abortTransaction(store: Store, session: Session, transaction: Transaction): void {
  session.transactions.delete(transaction.id);
  for (const { memory } of transaction.accessed.values()) store.domains.addMemory(session.domid, -memory);
}

/**
 * Makes everything visible that was done in it. It is gone afterwards, also when this fails.
 *
 * @throws StoreError EAGAIN when something that it has seen was changed meanwhile, ENOSPC when a domain would own too
 *   many nodes, ENOMEM when an earlier request has made it useless
 */
export function commitTransaction(store: Store, session: Session, transaction: Transaction): void {
  abortTransaction(store, session, transaction);
  if (transaction.failed) throw new StoreError("ENOMEM");
  if (transaction.created && !session.privileged) checkNodeQuotas(store, transaction);
  for (const [path, { generation }] of transaction.accessed) {
    if ((store.get(path)?.generation ?? ABSENT) !== generation) throw new StoreError("EAGAIN");
  }
  for (const [path, accessed] of transaction.accessed) {
    if (!accessed.modified) continue;
    if (accessed.node !== undefined) {
      store.put(path, { ...accessed.node, generation: store.nextGeneration() });
    } else if (accessed.generation !== ABSENT) store.delete(path);
    if (accessed.event !== undefined) {
      store.fireWatches(path, accessed.event === "exact", undefined, accessed.permissions);
    }
  }
  for (const [domid, change] of transaction.nodeChanges) store.domains.addNodes(domid, change);
}

function checkNodeQuotas(store: Store, transaction: Transaction): void {
  for (const [domid, change] of transaction.nodeChanges) {
    const owned = store.domains.find(domid)?.nodes ?? 0;
    if (domid !== 0 && owned + change >= store.quotas.nodes) throw new StoreError("ENOSPC");
  }
}
