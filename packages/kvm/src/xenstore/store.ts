import { StoreDomains } from "./domains.ts";
import { nodeSize, ownerOf, type StoreNode } from "./node.ts";
import { parentOf } from "./paths.ts";
import { accessOf, MAY_READ, type NodePermission } from "./permissions.ts";
import { defaultQuotas, type Quotas } from "./quotas.ts";
import type { Session } from "./session.ts";
import { watches } from "./watch.ts";

export type SpecialEvent = "@introduceDomain" | "@releaseDomain";

const onlyDomain0: readonly NodePermission[] = [{ domid: 0, access: 0 }];

/**
 * The tree of nodes, who is connected to it, and what each domain uses of it. Behaves as the C xenstored 4.17
 * (tools/xenstore), down to the order of events and names. What a client may do with it is in {@link StoreView}.
 */
export class Store {
  readonly quotas: Readonly<Quotas>;
  readonly domains: StoreDomains;
  /** Clients in the order in which they came, which is the order of their events. */
  readonly sessions = new Set<Session>();
  readonly #nodes = new Map<string, StoreNode>();
  readonly #special = new Map<string, readonly NodePermission[]>([
    ["@introduceDomain", onlyDomain0],
    ["@releaseDomain", onlyDomain0],
  ]);
  #generation = 0;

  constructor(quotas: Partial<Quotas> = {}) {
    this.quotas = { ...defaultQuotas, ...quotas };
    this.domains = new StoreDomains(this.quotas.memory);
    const paths = ["/", "/tool", "/tool/xenstored"];
    paths.forEach((path, i) => {
      const children = i + 1 < paths.length ? [path === "/" ? "tool" : "xenstored"] : [];
      this.put(path, {
        generation: this.nextGeneration(),
        permissions: onlyDomain0,
        value: "",
        children,
        childBytes: children.reduce((sum, name) => sum + name.length + 1, 0),
      });
    });
    this.domains.addNodes(0, paths.length);
  }

  /** How many changes there have been. */
  get generation(): number {
    return this.#generation;
  }

  nextGeneration(): number {
    this.#generation++;
    return this.#generation;
  }

  /** Permissions for domains that have gone are marked. */
  get(path: string): StoreNode | undefined {
    const node = this.#nodes.get(path);
    return node === undefined ? undefined : this.withCurrentPermissions(node);
  }

  /** Puts or replaces one node, without asking quotas; nobody is told. */
  put(path: string, node: StoreNode): void {
    this.#account(path, -1);
    this.#nodes.set(path, node);
    this.#account(path, 1);
  }

  /** Like {@link put}, when the owner may have so much; false when not. */
  tryPut(path: string, node: StoreNode): boolean {
    this.#account(path, -1);
    if (!this.domains.tryAddMemory(ownerOf(node), path.length + nodeSize(node))) {
      this.#account(path, 1);
      return false;
    }
    this.#nodes.set(path, node);
    return true;
  }

  delete(path: string): void {
    this.#account(path, -1);
    this.#nodes.delete(path);
  }

  #account(path: string, factor: 1 | -1): void {
    const node = this.#nodes.get(path);
    if (node !== undefined) this.domains.addMemory(ownerOf(node), factor * (path.length + nodeSize(node)));
  }

  /** A domain with the id of one that has gone does not inherit its permissions. */
  withCurrentPermissions(node: StoreNode): StoreNode {
    const isStale = ({ domid, stale }: NodePermission, i: number): boolean => {
      if (i === 0 || stale === true) return false;
      const domain = this.domains.find(domid);
      return domain === undefined || domain.generation >= node.generation;
    };
    if (!node.permissions.some(isStale)) return node;
    const permissions = node.permissions.map((entry, i): NodePermission => {
      return isStale(entry, i) ? { ...entry, stale: true } : entry;
    });
    return { ...node, permissions };
  }

  /**
   * Sends the event of a change at `path` to every watch that it concerns, and whose client may see the node.
   *
   * @param node as it is now, or was before it was deleted; looked up when undefined
   * @param before the permissions before the change: who loses the node is told too
   */
  fireWatches(
    path: string,
    exact: boolean,
    node: StoreNode | undefined,
    before?: readonly NodePermission[],
  ): void {
    for (const session of this.sessions) {
      if (session.watches.length === 0 || !this.#maySee(session, path, node, before)) continue;
      this.#send(session, path, exact);
    }
  }

  fireSpecial(event: SpecialEvent): void {
    const permissions = this.#special.get(event) ?? onlyDomain0;
    for (const session of this.sessions) {
      if ((accessOf(session, permissions) & MAY_READ) !== 0) this.#send(session, event, true);
    }
  }

  /** Watches that differ in their path only would tell the same: the client hears it once. */
  #send(session: Session, path: string, exact: boolean): void {
    const told = new Set<string>();
    for (const watch of session.watches) {
      if (!watches(watch, path, exact)) continue;
      const event = watch.prefix === 0 ? watch.token : `\0${watch.token}`;
      if (told.has(event)) continue;
      told.add(event);
      session.send(watch, path);
    }
  }

  #maySee(
    session: Session,
    path: string,
    changed: StoreNode | undefined,
    before: readonly NodePermission[] | undefined,
  ): boolean {
    const mayRead = (permissions: readonly NodePermission[]) =>
      (accessOf(session, permissions) & MAY_READ) !== 0;
    if (before !== undefined && mayRead(before)) return true;
    const node = changed ?? this.get(path);
    if (node === undefined) return false;
    if (mayRead(node.permissions)) return true;
    const parent = this.get(parentOf(path));
    return parent !== undefined && mayRead(parent.permissions);
  }

  /** Who may watch a special event; undefined when there is no such event. */
  specialPermissions(name: string): readonly NodePermission[] | undefined {
    return this.#special.get(name);
  }

  setSpecialPermissions(name: string, permissions: readonly NodePermission[]): void {
    if (this.#special.has(name)) this.#special.set(name, permissions);
  }
}
