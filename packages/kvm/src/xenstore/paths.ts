import { XENSTORE_REL_PATH_MAX } from "@pvh/abi";

/** The root of a domain's own nodes; relative paths start there. */
export function homeOf(domid: number): string {
  return `/local/domain/${domid}`;
}

export function isSpecial(path: string): boolean {
  return path.startsWith("@");
}

/** Absolute and special paths stay as they are. */
export function absolute(home: string, path: string): string {
  return path.startsWith("/") || isSpecial(path) ? path : `${home}/${path}`;
}

const characters = /^[A-Za-z0-9\-/_@]*$/;
/** `sscanf("/local/domain/%5u/")`: xenstored gives the part behind this the whole length limit. */
const domainPrefix = /^\/local\/domain\/(?:[+-]\d{1,4}|\d{1,5})\//;

/** Whether a node can have this path. */
export function isValidPath(path: string): boolean {
  if (!path.startsWith("/")) return false;
  if (path.endsWith("/") && path !== "/") return false;
  if (path.includes("//")) return false;
  const prefix = domainPrefix.exec(path)?.[0].length ?? 0;
  return path.length <= prefix + XENSTORE_REL_PATH_MAX && characters.test(path);
}

/** The root's parent is the root. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function childOf(path: string, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

/** Levels from `ancestor` down to `path`, 0 when they are the same; undefined when `path` is not below. */
export function levelsBelow(path: string, ancestor: string): number | undefined {
  if (path === ancestor) return 0;
  const start = ancestor === "/" ? 0 : ancestor.length;
  if (!path.startsWith(ancestor) || path.charAt(start) !== "/") return undefined;
  let levels = 0;
  for (let at = start; at >= 0; at = path.indexOf("/", at + 1)) levels++;
  return levels;
}
