import { XS } from "@pvh/abi";
import { acknowledged, type Permission, permissionsOf, permissionText, stringsOf } from "./answers.ts";
import { listInParts } from "./directory-parts.ts";
import type { Answer, SendRequest } from "./request.ts";

/** How changes are answered. */
const done: Answer<undefined> = { parse: acknowledged };

/**
 * The nodes as they are, or as a transaction sees them. Each call sends its request before it returns, and the requests
 * of one connection are carried out in their order: who has many fires them all and awaits them together.
 *
 * Paths are absolute, or relative to domain 0's home. Paths and values are byte strings.
 */
export class StoreView {
  readonly #send: SendRequest;

  constructor(send: SendRequest) {
    this.#send = send;
  }

  /** Undefined when there is no such node. */
  read(path: string): Promise<string | undefined> {
    const request = { type: XS.READ, verb: "read", subject: path, strings: [path] };
    return this.#send<string | undefined>(request, {
      parse: (value) => value,
      instead: { ENOENT: undefined },
    });
  }

  /** Names of the nodes directly below, empty when there are none or no such node. */
  async list(path: string): Promise<string[]> {
    const request = { type: XS.DIRECTORY, verb: "list", subject: path, strings: [path] };
    const names = await this.#send<string[] | "long">(request, {
      parse: stringsOf,
      instead: { ENOENT: [], E2BIG: "long" },
    });
    return names === "long" ? listInParts(this.#send, path) : names;
  }

  /** Undefined when there is no such node. The first entry names the owner, and what everybody else may do. */
  permissions(path: string): Promise<Permission[] | undefined> {
    const request = {
      type: XS.GET_PERMS,
      verb: "read the permissions of",
      subject: path,
      strings: [path],
    };
    return this.#send<Permission[] | undefined>(request, {
      parse: permissionsOf,
      instead: { ENOENT: undefined },
    });
  }

  /** Creates the node, and missing nodes above it, when it does not exist; their permissions are inherited. */
  write(path: string, value: string): Promise<void> {
    const request = { type: XS.WRITE, verb: "write", subject: path, strings: [path], data: value };
    return this.#send(request, done);
  }

  /** Creates the node like {@link write}, empty; one that exists stays as it is. */
  makeDirectory(path: string): Promise<void> {
    return this.#send({ type: XS.MKDIR, verb: "create", subject: path, strings: [path] }, done);
  }

  /** The node and everything below it; nothing happens when it does not exist. */
  remove(path: string): Promise<void> {
    const request = { type: XS.RM, verb: "remove", subject: path, strings: [path] };
    return this.#send(request, { ...done, instead: { ENOENT: undefined } });
  }

  setPermissions(path: string, permissions: readonly Permission[]): Promise<void> {
    const request = {
      type: XS.SET_PERMS,
      verb: "set the permissions of",
      subject: path,
      strings: [path, ...permissions.map(permissionText)],
    };
    return this.#send(request, done);
  }
}
