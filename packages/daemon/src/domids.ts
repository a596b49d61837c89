import { PvhError } from "@pvh/errors";

/** Domids of pvhd's domains. The upper half belongs to `pvhctl run`, which has nobody to ask for one. */
const FIRST = 1;
const LAST = 0x3fff;

/**
 * The next domid upward from `last` that is not `used`; after the largest come the small ones again. A number that was
 * used a moment ago is thus not used again soon, when its interfaces may still be there.
 */
export function nextDomid(last: number, used: ReadonlySet<number>): number {
  const count = LAST - FIRST + 1;
  for (let step = 1; step <= count; step++) {
    const domid = FIRST + ((last - FIRST + step) % count);
    if (!used.has(domid)) return domid;
  }
  throw new PvhError("DOMAIN_STATE", `All ${count} domids are in use; end a domain first.`, {
    field: "domid",
    allowed: `at most ${count} live domains`,
  });
}
