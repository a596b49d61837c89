/**
 * The store as the VMM's own code uses it, with the rights of domain 0. Everything is synchronous: store and back ends
 * live on the VMM's main thread. Paths are absolute; values are text of Latin-1 characters, one byte each.
 */
export interface StoreClient {
  /** Undefined when there is no such node. */
  read(path: string): string | undefined;
  /** Creates the node, and missing nodes above it, when it does not exist; their permissions are inherited. */
  write(path: string, value: string): void;
  /** The node and everything below it; nothing happens when it does not exist. */
  remove(path: string): void;
  /** Names of the nodes directly below, empty when there are none or no such node. */
  list(path: string): string[];
  /** The first entry names the owner, whose own access is unlimited, and what everybody else may do. */
  setPermissions(path: string, permissions: readonly Permission[]): void;
  /**
   * Calls `changed` once soon, and again after each change at `path` or below it, with the path that changed; never
   * from inside another call. Returns how to stop.
   */
  watch(path: string, changed: (path: string) => void): () => void;
  /** Makes all changes of `work` visible at once. What `work` throws undoes them. */
  transaction<T>(work: (client: StoreClient) => T): T;
}

/** What a domain may do with a node: nothing, read, write, both (`n`, `r`, `w`, `b` on the wire). */
export interface Permission {
  domid: number;
  access: "none" | "read" | "write" | "both";
}
