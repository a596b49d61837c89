import { nodeSize, ownerOf, type StoreNode } from "./node.ts";
import type { NodePermission } from "./permissions.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { ABSENT, type AccessedNode, type Transaction } from "./transaction.ts";

/** Bytes that keeping one accessed path costs, besides the path and the node. */
const ACCESS_MEMORY = 64;

/**
 * Reading and writing single nodes for one request: in the store, or in the transaction that the request belongs to.
 * Knows nothing of rights.
 */
export class NodeAccess {
  readonly store: Store;
  readonly session: Session;
  readonly transaction: Transaction | undefined;

  constructor(store: Store, session: Session, transaction?: Transaction) {
    this.store = store;
    this.session = session;
    this.transaction = transaction;
  }

  /**
   * Undefined when there is no such node.
   *
   * @throws StoreError ENOSPC or ENOMEM when a transaction has seen too much; it has then failed
   */
  read(path: string): StoreNode | undefined {
    const accessed = this.#accessed(path);
    if (accessed === undefined) return this.store.get(path);
    return accessed.node === undefined ? undefined : this.store.withCurrentPermissions(accessed.node);
  }

  /** Undefined outside a transaction only. */
  #accessed(path: string): AccessedNode | undefined {
    if (this.transaction === undefined) return undefined;
    return this.transaction.accessed.get(path) ?? this.#firstAccess(this.transaction, path);
  }

  #firstAccess(transaction: Transaction, path: string): AccessedNode {
    const { store, session } = this;
    if (!session.privileged && transaction.accessed.size >= store.quotas.transactionNodes) {
      transaction.failed = true;
      throw new StoreError("ENOSPC");
    }
    const node = store.get(path);
    const accessed: AccessedNode = {
      generation: node?.generation ?? ABSENT,
      permissions: node?.permissions,
      node,
      modified: false,
      event: undefined,
      memory: 0,
    };
    if (!this.#account(accessed, accessMemory(path, node))) {
      transaction.failed = true;
      throw new StoreError("ENOMEM");
    }
    transaction.accessed.set(path, accessed);
    return accessed;
  }

  /**
   * Puts the node in its place, as a change.
   *
   * @throws StoreError ENOSPC when it is too large for the client, EIO when its owner has no memory left for it
   */
  write(path: string, node: StoreNode, checkQuota: boolean): void {
    const { store, session, transaction } = this;
    const written = store.withCurrentPermissions({ ...node, generation: store.nextGeneration() });
    const accessed = this.#accessed(path);
    if (accessed !== undefined) accessed.modified = true;
    try {
      if (checkQuota && !session.privileged && nodeSize(written) >= store.quotas.nodeSize) {
        throw new StoreError("ENOSPC");
      }
      if (accessed !== undefined) {
        if (!this.#account(accessed, accessMemory(path, written), checkQuota)) throw new StoreError("EIO");
        accessed.node = written;
      } else if (!checkQuota) store.put(path, written);
      else if (!store.tryPut(path, written)) throw new StoreError("EIO");
    } catch (error) {
      if (transaction !== undefined) transaction.failed = true;
      throw error;
    }
  }

  /** The node alone, as a change: neither those below it nor its name in the node above. */
  delete(path: string): void {
    this.store.nextGeneration();
    this.drop(path);
  }

  /** Takes back what {@link write} has put where nothing was. */
  drop(path: string): void {
    const accessed = this.#accessed(path);
    if (accessed === undefined) {
      this.store.delete(path);
      return;
    }
    accessed.modified = true;
    accessed.node = undefined;
    this.#account(accessed, accessMemory(path, undefined), false);
  }

  /** False when the client may not have so much. */
  #account(accessed: AccessedNode, memory: number, checkQuota = true): boolean {
    const { domains } = this.store;
    const more = memory - accessed.memory;
    if (!checkQuota || more <= 0) domains.addMemory(this.session.domid, more);
    else if (!domains.tryAddMemory(this.session.domid, more)) return false;
    accessed.memory = memory;
    return true;
  }

  /** Counts nodes that came or went for the domain that owns them: `node`'s owner. */
  countNode(node: StoreNode, count: 1 | -1): void {
    if (this.transaction === undefined) this.store.domains.addNodes(ownerOf(node), count);
    else this.transaction.addNodes(ownerOf(node), count);
  }

  /** Tells watches of a change now, or when the transaction ends well. */
  fire(path: string, exact: boolean, node: StoreNode, before?: readonly NodePermission[]): void {
    if (this.transaction === undefined) this.store.fireWatches(path, exact, node, before);
    else this.transaction.queueEvent(path, exact);
  }
}

function accessMemory(path: string, node: StoreNode | undefined): number {
  return ACCESS_MEMORY + path.length + (node === undefined ? 0 : nodeSize(node));
}
