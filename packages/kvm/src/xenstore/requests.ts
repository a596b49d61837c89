import { DOMID, XENSTORE_PAYLOAD_MAX, XS } from "@pvh/abi";
import { atoi } from "./c-numbers.ts";
import type { StoreNode } from "./node.ts";
import { homeOf } from "./paths.ts";
import { onlyString, stringsOf } from "./payload.ts";
import { formatPermission, type NodePermission, parsePermission } from "./permissions.ts";
import type { Session } from "./session.ts";
import { addWatch, removeWatch, resetSession } from "./sessions.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";
import { StoreView } from "./store-view.ts";
import type { Transaction } from "./transaction.ts";
import { abortTransaction, commitTransaction, startTransaction } from "./transactions.ts";

/** One request, ready to be carried out. */
interface Request {
  store: Store;
  session: Session;
  transaction: Transaction | undefined;
  view: StoreView;
  payload: string;
}

interface Answer {
  payload: string;
  /** What follows the reply. */
  after?: () => void;
}

interface Operation {
  run(request: Request): Answer | string;
  /** The transaction id of the header does not matter. */
  ignoresTransaction?: true;
  /** For domain 0 alone; others get EACCES. */
  privileged?: true;
}

const OK = "OK\0";

const operations: Readonly<Record<number, Operation>> = {
  [XS.CONTROL]: { run: refuse, privileged: true },
  [XS.DIRECTORY]: {
    run: (request) => list(request.view.read(path(request)).children),
  },
  [XS.READ]: { run: (request) => request.view.read(path(request)).value },
  [XS.GET_PERMS]: {
    run: (request) => list(request.view.read(path(request)).permissions.map(formatPermission)),
  },
  [XS.WATCH]: { run: watch, ignoresTransaction: true },
  [XS.UNWATCH]: { run: unwatch, ignoresTransaction: true },
  [XS.TRANSACTION_START]: { run: startTransactionRequest },
  [XS.TRANSACTION_END]: { run: endTransactionRequest },
  [XS.INTRODUCE]: { run: refuse, privileged: true },
  [XS.RELEASE]: { run: refuse, privileged: true },
  [XS.GET_DOMAIN_PATH]: { run: (request) => `${homeOf(atoi(argument(request)) >>> 0)}\0` },
  [XS.WRITE]: { run: write },
  [XS.MKDIR]: {
    run(request) {
      request.view.makeDirectory(path(request));
      return OK;
    },
  },
  [XS.RM]: {
    run(request) {
      request.view.remove(path(request));
      return OK;
    },
  },
  [XS.SET_PERMS]: { run: setPermissions },
  [XS.IS_DOMAIN_INTRODUCED]: { run: isIntroduced, privileged: true },
  [XS.RESUME]: { run: refuse, privileged: true },
  [XS.SET_TARGET]: { run: refuse, privileged: true },
  [XS.RESET_WATCHES]: {
    run({ store, session }) {
      resetSession(store, session);
      return OK;
    },
  },
  [XS.DIRECTORY_PART]: { run: directoryPart },
};

/**
 * Carries out one request and returns its reply. Events that the request causes reach the sessions before this
 * returns; only the first event of a new watch comes from {@link Answer.after}, after the reply.
 *
 * @throws StoreError when the request is refused
 */
export function answer(
  store: Store,
  session: Session,
  type: number,
  transactionId: number,
  payload: string,
): Answer {
  const operation = operations[type];
  if (operation === undefined) throw new StoreError("ENOSYS");
  if (operation.privileged === true && !session.privileged) throw new StoreError("EACCES");
  const transaction = operation.ignoresTransaction === true ? undefined : session.transaction(transactionId);
  const view = new StoreView(store, session, transaction);
  const result = operation.run({ store, session, transaction, view, payload });
  const whole = typeof result === "string" ? { payload: result } : result;
  if (whole.payload.length > XENSTORE_PAYLOAD_MAX) throw new StoreError("E2BIG");
  return whole;
}

/** The VMM does by itself what toolstacks ask the daemon for. */
function refuse(): never {
  throw new StoreError("ENOSYS");
}

function argument({ payload }: Request): string {
  const text = onlyString(payload);
  if (text === undefined) throw new StoreError("EINVAL");
  return text;
}

const path = argument;

function list(strings: readonly string[]): string {
  return strings.map((text) => `${text}\0`).join("");
}

function write({ view, payload }: Request): string {
  const end = payload.indexOf("\0");
  if (end < 0) throw new StoreError("EINVAL");
  view.write(payload.slice(0, end), payload.slice(end + 1));
  return OK;
}

function watch({ store, session, payload }: Request): Answer {
  const strings = stringsOf(payload);
  const [name, token, depth] = strings;
  if (name === undefined || token === undefined || strings.length > 3) throw new StoreError("EINVAL");
  const levels = depth === undefined ? undefined : atoi(depth);
  if (levels !== undefined && levels < 0) throw new StoreError("EINVAL");
  const added = addWatch(store, session, name, token, levels);
  return { payload: OK, after: () => session.send(added, added.path) };
}

function unwatch({ store, session, payload }: Request): string {
  const strings = stringsOf(payload);
  const [name, token] = strings;
  if (name === undefined || token === undefined || strings.length > 2) throw new StoreError("EINVAL");
  removeWatch(store, session, name, token);
  return OK;
}

function startTransactionRequest({ store, session, transaction }: Request): string {
  if (transaction !== undefined) throw new StoreError("EBUSY");
  return `${startTransaction(store, session).id}\0`;
}

function endTransactionRequest({ store, session, transaction, payload }: Request): string {
  const how = onlyString(payload);
  if (how !== "T" && how !== "F") throw new StoreError("EINVAL");
  if (transaction === undefined) throw new StoreError("ENOENT");
  if (how === "T") commitTransaction(store, session, transaction);
  else abortTransaction(store, session, transaction);
  return OK;
}

function setPermissions({ store, session, view, payload }: Request): string {
  const [name, ...entries] = stringsOf(payload);
  if (name === undefined || entries.length === 0) throw new StoreError("EINVAL");
  if (!session.privileged && entries.length > store.quotas.permissionsPerNode) {
    throw new StoreError("ENOSPC");
  }
  const permissions = entries.map((entry): NodePermission => {
    const permission = parsePermission(entry);
    if (permission === undefined) throw new StoreError("EINVAL");
    return permission;
  });
  view.setPermissions(name, permissions);
  return OK;
}

function isIntroduced(request: Request): string {
  const domid = atoi(argument(request));
  const introduced = request.store.domains.find(domid)?.introduced === true;
  return domid === DOMID.SELF || introduced ? "T\0" : "F\0";
}

/** As many whole names as fit, from a byte of the list on, after the node's generation; an empty name ends the list. */
function directoryPart({ view, payload }: Request): string {
  const strings = stringsOf(payload);
  const [name, offsetText] = strings;
  if (name === undefined || offsetText === undefined || strings.length > 2) throw new StoreError("EINVAL");
  const node: StoreNode = view.read(name);
  const generation = `${node.generation}\0`;
  const offset = atoi(offsetText) >>> 0;
  if (offset >= node.childBytes) return `${generation}\0`;
  const names = list(node.children);
  const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
  const rest = names.slice(offset);
  if (rest.length <= room) return `${generation}${rest}\0`;
  const end = rest.lastIndexOf("\0", room - 1);
  return generation + rest.slice(0, end + 1);
}
