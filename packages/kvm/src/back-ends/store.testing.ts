import type { Permission, StoreClient } from "../xenstore/client.ts";

const covers = (above: string, path: string) => path === above || path.startsWith(`${above}/`);

interface Watch {
  path: string;
  changed: (path: string) => void;
}

/** For tests: a store in memory that does what StoreClient says and nothing more. */
export class FakeStore implements StoreClient {
  nodes = new Map<string, string>();
  readonly permissions = new Map<string, readonly Permission[]>();
  readonly #watches = new Set<Watch>();

  read(path: string): string | undefined {
    return this.nodes.get(path);
  }
  write(path: string, value: string): void {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (parent !== "" && !this.nodes.has(parent)) this.write(parent, "");
    this.nodes.set(path, value);
    this.#fire((watch) => covers(watch, path), path);
  }
  remove(path: string): void {
    for (const node of [...this.nodes.keys()]) if (covers(path, node)) this.nodes.delete(node);
    this.#fire((watch) => covers(watch, path) || covers(path, watch), path);
  }
  list(path: string): string[] {
    const names = [...this.nodes.keys()].filter((node) => node !== path && covers(path, node));
    return [...new Set(names.map((node) => node.slice(path.length + 1).split("/")[0] ?? ""))];
  }
  setPermissions(path: string, permissions: readonly Permission[]): void {
    this.permissions.set(path, permissions);
  }
  watch(path: string, changed: (path: string) => void): () => void {
    const watch = { path, changed };
    this.#watches.add(watch);
    this.#later(watch, path);
    return () => this.#watches.delete(watch);
  }
  transaction<T>(work: (client: StoreClient) => T): T {
    const before = new Map(this.nodes);
    try {
      return work(this);
    } catch (error) {
      this.nodes = before;
      throw error;
    }
  }

  #fire(concerns: (watch: string) => boolean, path: string): void {
    for (const watch of this.#watches) if (concerns(watch.path)) this.#later(watch, path);
  }
  #later(watch: Watch, path: string): void {
    setImmediate(() => {
      if (this.#watches.has(watch)) watch.changed(path);
    });
  }
}
