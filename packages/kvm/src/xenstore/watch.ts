import { levelsBelow } from "./paths.ts";

/** One watch of a session. */
export interface Watch {
  /** Absolute, or special. */
  readonly path: string;
  readonly token: string;
  /** Characters of the home that events leave out, because the watch was set with a relative path; 0 otherwise. */
  readonly prefix: number;
  /** Levels below the path that count; all when undefined. */
  readonly depth: number | undefined;
}

/** The path that the watch's client is told for a change at `path`. */
export function eventPath(watch: Watch, path: string): string {
  if (watch.prefix === 0) return path;
  return path.slice(path.charAt(watch.prefix) === "/" ? watch.prefix + 1 : watch.prefix);
}

/** Whether a change at `path` is the watch's. `exact`: the node goes with a node above, whose event the others get. */
export function watches(watch: Watch, path: string, exact: boolean): boolean {
  if (exact) return path === watch.path;
  const levels = levelsBelow(path, watch.path);
  return levels !== undefined && levels <= (watch.depth ?? levels);
}

export function watchMemory(watch: Watch): number {
  return watch.path.length + watch.token.length;
}
