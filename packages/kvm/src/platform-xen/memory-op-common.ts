import { DOMID, XEN_ERRNO } from "@pvh/abi";
import { HOST_DOMAIN } from "./event-channels.ts";
import type { Hypercall } from "./hypercalls.ts";

/** The upper bits of a memory_op's command hold where a call that was interrupted goes on. */
export const MEMOP_EXTENT_SHIFT = 6;

/** 0 when a guest may act on the memory of `domain`, which is only its own; else a negated errno. */
export function refusedMemoryOf({ xen }: Hypercall, domain: number): number {
  if (domain === DOMID.SELF || domain === xen.domain.domid) return 0;
  return domain === HOST_DOMAIN ? -XEN_ERRNO.EPERM : -XEN_ERRNO.ESRCH;
}
