import { strtolExact } from "./c-numbers.ts";
import type { Permission } from "./client.ts";

export const MAY_READ = 1;
export const MAY_WRITE = 2;
/** May change the permissions. */
export const OWNS = 4;

/** One entry of a node's permissions. The first names the owner, and what domains have that no entry names. */
export interface NodePermission {
  readonly domid: number;
  /** {@link MAY_READ} and {@link MAY_WRITE} bits. */
  readonly access: number;
  /** The domain did not exist when the entry was made, or has gone since: a later one must not have its rights. */
  readonly stale?: true;
}

/** Whose rights are asked for. */
export interface Principal {
  readonly domid: number;
  readonly privileged: boolean;
}

export function accessOf(principal: Principal, permissions: readonly NodePermission[]): number {
  const [owner] = permissions;
  if (principal.privileged || owner?.domid === principal.domid) return MAY_READ | MAY_WRITE | OWNS;
  for (let i = 1; i < permissions.length; i++) {
    const entry = permissions[i];
    if (entry?.domid === principal.domid && entry.stale === undefined) return entry.access;
  }
  return owner?.access ?? 0;
}

const letters = ["n", "r", "w", "b"];
const words: readonly Permission["access"][] = ["none", "read", "write", "both"];

/** An entry as it goes over the wire, such as `r1`. */
export function formatPermission({ domid, access }: NodePermission): string {
  return `${letters[access] ?? "n"}${domid}`;
}

/** Undefined when the text is no permission. Domain ids may be octal or hexadecimal, as xenstored takes them. */
export function parsePermission(text: string): NodePermission | undefined {
  const access = letters.indexOf(text.charAt(0));
  const domid = strtolExact(text.slice(1));
  return text === "" || access < 0 || domid === undefined ? undefined : { domid, access };
}

export function nodePermissionOf({ domid, access }: Permission): NodePermission {
  return { domid, access: words.indexOf(access) };
}
