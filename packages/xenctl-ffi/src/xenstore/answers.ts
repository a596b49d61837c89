/** What xenstored's replies say. Anything else than it replies is a defect, and ends the connection. */
import { shown } from "@pvh/errors";
import { defect } from "./error.ts";

/** What a domain may do with a node. The first entry of a node's permissions names its owner, and what others may do. */
export interface Permission {
  domid: number;
  access: "none" | "read" | "write" | "both";
}

export function acknowledged(payload: string): undefined {
  if (payload !== "OK\0") throw defect(`${shown(payload)} in the place of OK`);
  return undefined;
}

/** Strings that all end with a NUL. */
export function stringsOf(payload: string): string[] {
  if (payload === "") return [];
  if (!payload.endsWith("\0")) throw defect("a list that does not end");
  return payload.slice(0, -1).split("\0");
}

export function truthOf(payload: string): boolean {
  if (payload === "T\0") return true;
  if (payload === "F\0") return false;
  throw defect(`${shown(payload)} in the place of T or F`);
}

export function transactionIdOf(payload: string): number {
  const id = /^\d{1,10}\0$/.test(payload) ? Number(payload.slice(0, -1)) : 0;
  // 0 would mean no transaction.
  if (id === 0 || id > 0xffffffff) throw defect(`${shown(payload)} as a transaction's id`);
  return id;
}

export function errnoOf(payload: string): string {
  if (!/^E[A-Z0-9]{1,15}\0$/.test(payload)) throw defect(`${shown(payload)} as an error's name`);
  return payload.slice(0, -1);
}

export function eventOf(payload: string): { path: string; token: string } {
  const [path, token, ...more] = stringsOf(payload);
  if (path === undefined || token === undefined || more.length > 0) throw defect("a malformed watch event");
  return { path, token };
}

const accesses = new Map<string, Permission["access"]>([
  ["n", "none"],
  ["r", "read"],
  ["w", "write"],
  ["b", "both"],
]);
const letters = new Map([...accesses].map(([letter, access]) => [access, letter]));

export function permissionsOf(payload: string): Permission[] {
  return stringsOf(payload).map((text) => {
    const access = accesses.get(text.charAt(0));
    if (access === undefined || !/^.\d{1,5}$/.test(text)) throw defect(`${shown(text)} as a permission`);
    return { domid: Number(text.slice(1)), access };
  });
}

/** An entry as it goes over the wire, such as `r1`. */
export function permissionText({ domid, access }: Permission): string {
  return `${letters.get(access)}${domid}`;
}
