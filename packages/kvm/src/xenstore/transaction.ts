import type { StoreNode } from "./node.ts";
import type { NodePermission } from "./permissions.ts";

/** {@link AccessedNode.generation} of a node that did not exist. */
export const ABSENT = -1;

/** What a transaction has seen and done of one path. */
export interface AccessedNode {
  /** Of the node at the first access: another one at the end is a conflict. */
  readonly generation: number;
  /** The node's permissions then; undefined when there was none. */
  readonly permissions: readonly NodePermission[] | undefined;
  /** The node as the transaction sees it; undefined when there is none. */
  node: StoreNode | undefined;
  modified: boolean;
  /** The event to send at the end. Undefined: none; exact: see {@link watches}. */
  event: "exact" | "below" | undefined;
  /** Bytes that are accounted for it. */
  memory: number;
}

/** Changes of one client that become visible together, or not at all. */
export class Transaction {
  /** The client's name for it; never 0. */
  readonly id: number;
  /** By path, in the order of the first access. */
  readonly accessed = new Map<string, AccessedNode>();
  /** By how much each domain's number of nodes changes. */
  readonly nodeChanges = new Map<number, number>();
  created = false;
  /** Something could not be undone: the transaction can only end in failure. */
  failed = false;

  constructor(id: number) {
    this.id = id;
  }

  addNodes(domid: number, count: number): void {
    this.nodeChanges.set(domid, (this.nodeChanges.get(domid) ?? 0) + count);
  }

  /** An event for the node alone gives way to one that watches above see too. */
  queueEvent(path: string, exact: boolean): void {
    const accessed = this.accessed.get(path);
    if (accessed === undefined) this.failed = true;
    else if (!exact) accessed.event = "below";
    else accessed.event ??= "exact";
  }
}
