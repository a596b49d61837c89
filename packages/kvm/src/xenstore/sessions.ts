import { XENSTORE_REL_PATH_MAX } from "@pvh/abi";
import { absolute, isSpecial, isValidPath } from "./paths.ts";
import { type Deliver, Session } from "./session.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { abortTransaction } from "./transactions.ts";
import { type Watch, watchMemory } from "./watch.ts";

/** Connects a client to the store. The domain is known from then on. */
export function openSession(store: Store, domid: number, deliver: Deliver): Session {
  store.domains.add(domid, store.generation);
  const session = new Session(domid, deliver);
  store.sessions.add(session);
  return session;
}

/** The client gets no more events; its nodes stay. */
export function closeSession(store: Store, session: Session): void {
  resetSession(store, session);
  store.sessions.delete(session);
}

/** Drops the client's watches and transactions. */
export function resetSession(store: Store, session: Session): void {
  for (const watch of session.watches) account(store, session, watch, -1);
  session.watches = [];
  for (const transaction of session.transactions.values()) abortTransaction(store, session, transaction);
}

/**
 * The first event, which says that the watch is there, is the caller's to send.
 *
 * @param depth levels below `path` whose changes count; all when undefined
 * @throws StoreError EINVAL, EEXIST, E2BIG (too many watches) or ENOMEM
 */
export function addWatch(store: Store, session: Session, path: string, token: string, depth?: number): Watch {
  const name = absolute(session.home, path);
  if (isSpecial(name) ? name.length > XENSTORE_REL_PATH_MAX : !isValidPath(name)) {
    throw new StoreError("EINVAL");
  }
  const isSame = (watch: Watch) => watch.path === name && watch.token === token;
  if (session.watches.some(isSame)) throw new StoreError("EEXIST");
  const used = store.domains.find(session.domid)?.watches ?? 0;
  if (!session.privileged && used > store.quotas.watches) throw new StoreError("E2BIG");
  const watch = { path: name, token, prefix: name === path ? 0 : session.home.length, depth };
  if (!store.domains.tryAddMemory(session.domid, watchMemory(watch))) throw new StoreError("ENOMEM");
  store.domains.addMemory(session.domid, -watchMemory(watch));
  account(store, session, watch, 1);
  session.watches.push(watch);
  return watch;
}

/** @throws StoreError ENOENT when there is no such watch */
export function removeWatch(store: Store, session: Session, path: string, token: string): void {
  const name = absolute(session.home, path);
  const at = session.watches.findIndex((watch) => watch.path === name && watch.token === token);
  const [watch] = at < 0 ? [] : session.watches.splice(at, 1);
  if (watch === undefined) throw new StoreError("ENOENT");
  account(store, session, watch, -1);
}

function account(store: Store, session: Session, watch: Watch, factor: 1 | -1): void {
  const domain = store.domains.find(session.domid);
  if (domain === undefined) return;
  domain.watches += factor;
  domain.memory += factor * watchMemory(watch);
}
