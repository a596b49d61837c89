import { type StoreNode, withChild, withoutChild } from "./node.ts";
import { NodeAccess } from "./node-access.ts";
import { absolute, childOf, isSpecial, isValidPath, nameOf, parentOf } from "./paths.ts";
import { accessOf, MAY_READ, MAY_WRITE, type NodePermission, OWNS } from "./permissions.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The tree as one client sees and changes it, with its rights and quotas, in a transaction or outside. Paths may be
 * relative to the client's home. Everything that is refused is a {@link StoreError}.
 */
export class StoreView {
  readonly #access: NodeAccess;

  constructor(store: Store, session: Session, transaction?: Transaction) {
    this.#access = new NodeAccess(store, session, transaction);
  }

  /** The node, for its value, permissions and children. */
  read(path: string): StoreNode {
    return this.#get(this.#absolute(path), MAY_READ);
  }

  /** Creates the node, and those above it that are missing, when it does not exist. */
  write(path: string, value: string): void {
    const name = this.#absolute(path);
    const node = this.#find(name, MAY_WRITE);
    if (node !== undefined) this.#access.write(name, { ...node, value }, true);
    this.#access.fire(name, false, node ?? this.#create(name, value));
  }

  /** Nothing happens when the node exists. */
  makeDirectory(path: string): void {
    const name = this.#absolute(path);
    if (this.#find(name, MAY_WRITE) === undefined) this.#access.fire(name, false, this.#create(name, ""));
  }

  /** Removes the node and everything below it. Nothing happens when there is none, but its parent has to exist. */
  remove(path: string): void {
    const name = this.#absolute(path);
    const node = this.#find(name, MAY_WRITE);
    if (node === undefined) {
      if (this.#access.read(parentOf(name)) === undefined) throw new StoreError("ENOENT");
      return;
    }
    if (name === "/") throw new StoreError("EINVAL");
    this.removeTree(name, node);
  }

  /** Removes a node that exists, whatever the client's rights. */
  removeTree(path: string, node: StoreNode): void {
    const above = parentOf(path);
    const parent = this.#access.read(above);
    if (parent === undefined) throw new StoreError("EINVAL");
    try {
      this.#deleteTree(path, node, false);
    } catch (error) {
      // The transaction had no room to read everything below; it has failed.
      if (error instanceof StoreError) throw new StoreError("EIO");
      throw error;
    }
    if (!parent.children.includes(nameOf(path))) throw inconsistent();
    this.#access.write(above, withoutChild(parent, nameOf(path)), false);
  }

  setPermissions(path: string, permissions: readonly NodePermission[]): void {
    const { session, store } = this.#access;
    const marked = permissions.map((entry): NodePermission => {
      return store.domains.find(entry.domid) === undefined ? { ...entry, stale: true } : entry;
    });
    const [owner] = marked;
    if (owner === undefined) throw new StoreError("EINVAL");
    if (owner.stale === true) throw new StoreError("ENOENT");
    if (isSpecial(path)) {
      this.#setSpecial(path, marked);
      return;
    }
    const name = this.#absolute(path);
    const node = this.#get(name, MAY_WRITE | OWNS);
    if (!session.privileged && owner.domid !== node.permissions[0]?.domid) throw new StoreError("EPERM");
    const changed = { ...node, permissions: marked };
    this.#access.write(name, changed, true);
    this.#access.countNode(node, -1);
    this.#access.countNode(changed, 1);
    this.#access.fire(name, false, changed, node.permissions);
  }

  #setSpecial(name: string, permissions: readonly NodePermission[]): void {
    const { session, store } = this.#access;
    const present = store.specialPermissions(name);
    if (present === undefined) throw new StoreError("EINVAL");
    const needed = MAY_WRITE | OWNS;
    if ((accessOf(session, present) & needed) !== needed) throw new StoreError("EACCES");
    store.setSpecialPermissions(name, permissions);
  }

  #absolute(path: string): string {
    return absolute(this.#access.session.home, path);
  }

  #get(path: string, needed: number): StoreNode {
    const node = this.#find(path, needed);
    if (node === undefined) throw new StoreError("ENOENT");
    return node;
  }

  /**
   * The node when the client has all the rights that are `needed`. Undefined when there is none and the client may
   * know; that takes one of the rights at the closest node above.
   */
  #find(path: string, needed: number): StoreNode | undefined {
    if (!isValidPath(path)) throw new StoreError("EINVAL");
    const node = this.#access.read(path);
    if (node !== undefined && (this.#rights(node) & needed) === needed) return node;
    const above = this.#rights(this.#closest(path));
    if (node !== undefined || (above & needed) === 0) throw new StoreError("EACCES");
    return undefined;
  }

  #rights(node: StoreNode): number {
    return accessOf(this.#access.session, node.permissions);
  }

  /** The closest node that exists above the path. */
  #closest(path: string): StoreNode {
    for (let above = parentOf(path); ; above = parentOf(above)) {
      const node = this.#access.read(above);
      if (node !== undefined) return node;
      // Nobody can remove the root.
      if (above === "/") throw new StoreError("EIO");
    }
  }

  /** Creates a node that does not exist, and the missing ones above it. */
  #create(path: string, value: string): StoreNode {
    const access = this.#access;
    const missing = [path];
    let above = parentOf(path);
    let parent = access.read(above);
    while (parent === undefined) {
      missing.push(above);
      above = parentOf(above);
      parent = access.read(above);
    }
    const writes = [{ path: above, node: withChild(parent, nameOf(missing.at(-1) ?? "")), isNew: false }];
    for (let i = missing.length - 1; i >= 0; i--) {
      parent = this.#child(parent, i === 0 ? value : "");
      const below = missing[i - 1];
      const node = below === undefined ? parent : withChild(parent, nameOf(below));
      writes.push({ path: missing[i] ?? "", node, isNew: true });
    }
    if (access.transaction !== undefined) access.transaction.created = true;
    // From the bottom up, as xenstored does it: so a failure has changed no node that was there before.
    const done: typeof writes = [];
    try {
      for (const write of writes.reverse()) {
        if (write.isNew) this.#checkNodeQuota();
        access.write(write.path, write.node, true);
        if (!write.isNew) continue;
        access.countNode(write.node, 1);
        done.push(write);
      }
    } catch (error) {
      for (const { path: written, node } of done) {
        access.drop(written);
        access.countNode(node, -1);
      }
      if (access.transaction !== undefined && done.length > 0) access.transaction.failed = true;
      throw error;
    }
    return access.read(path) ?? parent;
  }

  /** Permissions are inherited; what a guest creates is its own. */
  #child(parent: StoreNode, value: string): StoreNode {
    const { session } = this.#access;
    const permissions = parent.permissions.map((entry, i) =>
      i === 0 && !session.privileged ? { domid: session.domid, access: entry.access } : entry,
    );
    return { generation: parent.generation, permissions, value, children: [], childBytes: 0 };
  }

  #checkNodeQuota(): void {
    const { session, store } = this.#access;
    const owned = store.domains.find(session.domid)?.nodes ?? 0;
    if (!session.privileged && owned >= store.quotas.nodes) throw new StoreError("ENOSPC");
  }

  /** The deepest first. Watches of the nodes below are told of their own node alone. */
  #deleteTree(path: string, node: StoreNode, exact: boolean): void {
    let left = node;
    for (const name of node.children) {
      const below = childOf(path, name);
      const child = this.#access.read(below);
      if (child === undefined) throw inconsistent();
      this.#deleteTree(below, child, true);
      left = withoutChild(left, name);
      this.#access.write(path, left, false);
    }
    this.#access.delete(path);
    this.#access.fire(path, exact, node);
    this.#access.countNode(node, -1);
  }
}

/**
 * A transaction has seen a node and the list that names it at different times, and others have changed one of them
 * between: it will end in a conflict.
 */
function inconsistent(): StoreError {
  return new StoreError("EIO");
}
