import { ownerOf, type StoreNode } from "./node.ts";
import { childOf } from "./paths.ts";
import { closeSession, openSession } from "./sessions.ts";
import type { Store } from "./store.ts";
import { StoreView } from "./store-view.ts";

/** The domain exists and its ring is served from now on; toolstacks are told when that is new. */
export function introduceDomain(store: Store, domid: number): void {
  const domain = store.domains.add(domid, store.generation);
  if (domain.introduced) return;
  domain.introduced = true;
  store.fireSpecial("@introduceDomain");
}

/** Toolstacks are told that the domain has shut down or died, and look for themselves which. */
export function announceShutdown(store: Store): void {
  store.fireSpecial("@releaseDomain");
}

/** The domain has gone: what it owned goes, with everything below. Its connection has to be closed before. */
export function releaseDomain(store: Store, domid: number): void {
  const domain = store.domains.find(domid);
  if (domain === undefined || domid === 0) return;
  const session = openSession(store, 0, () => {});
  try {
    const root = store.get("/");
    if (root !== undefined) removeOwned(store, new StoreView(store, session), "/", root, domid);
  } finally {
    closeSession(store, session);
  }
  store.domains.remove(domid);
  if (domain.introduced) store.fireSpecial("@releaseDomain");
}

function removeOwned(store: Store, view: StoreView, path: string, node: StoreNode, domid: number): void {
  for (const name of node.children) {
    const below = childOf(path, name);
    const child = store.get(below);
    if (child === undefined) continue;
    if (ownerOf(child) === domid) view.removeTree(below, child);
    else removeOwned(store, view, below, child, domid);
  }
}
