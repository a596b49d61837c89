import { PAGE_SIZE } from "@pvh/abi";
import { PvhError } from "@pvh/errors";
import { errno, errnoName, mapMemoryFile, type SharedMapping } from "../host/libc.ts";

/** Pages that a guest may have where it has no RAM: grant frames, foreign pages, memory above its RAM. */
export const EXTRA_PAGES = 1024;

const SHARED_INFO = 0;
const GRANT_FRAMES = 1;

/**
 * Pages that are the hypervisor's and that a guest may map where it likes: shared_info, the frames of the grant table,
 * and a store of pages for {@link EXTRA_PAGES} places without RAM. The VMM always finds them here, wherever the guest has
 * them.
 */
export interface XenHeap extends SharedMapping {
  maxGrantFrames: number;
}

export function allocateHeap(maxGrantFrames: number): XenHeap {
  const size = (GRANT_FRAMES + maxGrantFrames + EXTRA_PAGES) * PAGE_SIZE;
  const mapping = mapMemoryFile("xen-heap", size);
  if (mapping !== undefined) return { ...mapping, maxGrantFrames };
  throw new PvhError(
    "HOST_MEMORY",
    `The host refused ${size} bytes for the pages shared with the guest (memfd_create or mmap: ${errnoName(errno())}).`,
    { field: "memory" },
  );
}

/** Byte offsets in the heap. */
export function sharedInfoOffset(): number {
  return SHARED_INFO * PAGE_SIZE;
}

export function grantFrameOffset(frame: number): number {
  return (GRANT_FRAMES + frame) * PAGE_SIZE;
}

export function extraPageOffset(heap: XenHeap, index: number): number {
  return (GRANT_FRAMES + heap.maxGrantFrames + index) * PAGE_SIZE;
}
