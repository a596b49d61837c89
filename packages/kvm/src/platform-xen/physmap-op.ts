import {
  PAGE_SIZE,
  XEN_ERRNO,
  XENMAPSPACE,
  xenAddToPhysmap,
  xenAddToPhysmap32,
  xenAddToPhysmapBatch,
  xenAddToPhysmapBatch32,
  xenRemoveFromPhysmap,
  xenRemoveFromPhysmap32,
} from "@pvh/abi";
import { Argument, element, elementAt } from "./argument.ts";
import { grantFrameOffset, sharedInfoOffset } from "./heap.ts";
import { CONTINUE, type Hypercall } from "./hypercalls.ts";
import { MEMOP_EXTENT_SHIFT, refusedMemoryOf } from "./memory-op-common.ts";
import { FRAME } from "./physmap.ts";
import { forget } from "./reservation-op.ts";
import type { Xen } from "./xen.ts";

const argument = new Argument(xenAddToPhysmapBatch.size);
const word = new Argument(8);
/** Pages done before the vCPU looks whether somebody wants something else of it. */
const BATCH = 64;

/** XENMEM_add_to_physmap: one page, or a range of the guest's own. */
export function addToPhysmap(call: Hypercall): number {
  const { code64, xen } = call;
  const { size, fields } = code64 ? xenAddToPhysmap : xenAddToPhysmap32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const space = argument.u32(fields.space.offset);
  if (space === XENMAPSPACE.gmfn_foreign) return -XEN_ERRNO.ENOSYS;
  const refused = refusedMemoryOf(call, argument.u16(fields.domid.offset));
  if (refused !== 0) return refused;
  const long = (at: number) => (code64 ? argument.u64(at) : argument.u32(at));
  const index = long(fields.idx.offset);
  const gfn = long(fields.gpfn.offset);
  if (space !== XENMAPSPACE.gmfn_range) return addPage(xen, space, index, gfn);
  for (let i = 0; i < argument.u16(fields.size.offset); i++) {
    const result = addPage(xen, XENMAPSPACE.gmfn, index + i, gfn + i);
    if (result !== 0) return result;
  }
  return 0;
}

/** XENMEM_add_to_physmap_batch: errors of single pages go into an array. */
export function addToPhysmapBatch(call: Hypercall, start: number): number {
  const { code64, xen, memory } = call;
  const { size, fields } = code64 ? xenAddToPhysmapBatch : xenAddToPhysmapBatch32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const space = argument.u16(fields.space.offset);
  if (space === XENMAPSPACE.gmfn_range) return -XEN_ERRNO.EOPNOTSUPP;
  const refused = refusedMemoryOf(call, argument.u16(fields.domid.offset));
  if (refused !== 0) return refused;
  const count = argument.u16(fields.size.offset);
  const wordSize = code64 ? 8 : 4;
  const end = Math.min(count, start + BATCH);
  const at = (field: number, i: number, stride: number) => {
    const high = code64 ? argument.view.getInt32(field + 4, true) : 0;
    elementAt(high, argument.view.getInt32(field, true), i * stride);
  };
  const read = (field: number, i: number) => {
    at(field, i, wordSize);
    if (!memory.copyIn(element.high, element.low, word.bytes, wordSize)) return -1;
    return code64 ? word.u64(0) : word.u32(0);
  };
  for (let i = start; i < end; i++) {
    const index = read(fields.idxs.offset, i);
    const gfn = read(fields.gpfns.offset, i);
    if (index < 0 || gfn < 0) return -XEN_ERRNO.EFAULT;
    const foreign = space === XENMAPSPACE.gmfn_foreign || space === XENMAPSPACE.dev_mmio;
    word.setU32(0, foreign ? -XEN_ERRNO.EPERM : addPage(xen, space, index, gfn));
    at(fields.errs.offset, i, 4);
    if (!memory.copyOut(element.high, element.low, word.bytes, 4)) return -XEN_ERRNO.EFAULT;
  }
  if (end >= count) return 0;
  call.low[0] = ((call.low[0] ?? 0) & ((1 << MEMOP_EXTENT_SHIFT) - 1)) | (end << MEMOP_EXTENT_SHIFT);
  return CONTINUE;
}

export function removeFromPhysmap(call: Hypercall): number {
  const { code64, xen } = call;
  const { size, fields } = code64 ? xenRemoveFromPhysmap : xenRemoveFromPhysmap32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const refused = refusedMemoryOf(call, argument.u16(fields.domid.offset));
  if (refused !== 0) return refused;
  const gfn = code64 ? argument.u64(fields.gpfn.offset) : argument.u32(fields.gpfn.offset);
  return locked(xen, () => {
    const type = xen.physmap.type(gfn);
    if (type === FRAME.none) return -XEN_ERRNO.ENOENT;
    // A grant is unmapped by its handle.
    if (type === FRAME.granted) return -XEN_ERRNO.EINVAL;
    clear(xen, gfn);
    return 0;
  });
}

/** Moves a page of the hypervisor's, or one of the guest's, to a frame. What was at the frame goes. */
function addPage(xen: Xen, space: number, index: number, gfn: number): number {
  return locked(xen, () => {
    if (xen.physmap.type(gfn) === FRAME.granted) return -XEN_ERRNO.EINVAL;
    switch (space) {
      case XENMAPSPACE.shared_info:
        return index === 0 ? addSharedInfo(xen, gfn) : -XEN_ERRNO.EINVAL;
      case XENMAPSPACE.grant_table:
        return addGrantFrame(xen, index, gfn);
      case XENMAPSPACE.gmfn:
        return movePage(xen, index, gfn);
      default:
        return -XEN_ERRNO.EINVAL;
    }
  });
}

function addSharedInfo(xen: Xen, gfn: number): number {
  const before = xen.state.sharedInfoGfn;
  if (before === gfn) return 0;
  if (!place(xen, gfn, sharedInfoOffset(), FRAME.sharedInfo)) return -XEN_ERRNO.ENOMEM;
  if (before >= 0) xen.physmap.remove(before);
  xen.state.sharedInfoGfn = gfn;
  return 0;
}

function addGrantFrame(xen: Xen, index: number, gfn: number): number {
  const { grants } = xen;
  // The status frames of version 2 have bit 31 set.
  if (index >= grants.maxFrames || !grants.grow(index + 1)) return -XEN_ERRNO.EINVAL;
  const before = grants.frameGfn(index);
  if (before === gfn) return 0;
  if (!place(xen, gfn, grantFrameOffset(index), FRAME.grantTable)) return -XEN_ERRNO.ENOMEM;
  if (before >= 0) xen.physmap.remove(before);
  grants.setFrameGfn(index, gfn);
  return 0;
}

function movePage(xen: Xen, source: number, gfn: number): number {
  const { physmap, memory, state } = xen;
  if (physmap.type(source) !== FRAME.ram) return -XEN_ERRNO.EINVAL;
  if (source === gfn) return 0;
  const replaced = physmap.type(gfn);
  if (replaced !== FRAME.none) clear(xen, gfn);
  if (!physmap.populate(gfn)) return -XEN_ERRNO.ENOMEM;
  state.totalPages += 1;
  const from = memory.find(source * PAGE_SIZE, PAGE_SIZE);
  const bytes = from?.bytes.slice(source * PAGE_SIZE - from.gpa, (source + 1) * PAGE_SIZE - from.gpa);
  const to = memory.find(gfn * PAGE_SIZE, PAGE_SIZE);
  if (bytes !== undefined) to?.bytes.set(bytes, gfn * PAGE_SIZE - to.gpa);
  clear(xen, source);
  return 0;
}

function place(xen: Xen, gfn: number, offset: number, type: number): boolean {
  const replaced = xen.physmap.type(gfn);
  if (!xen.physmap.mapHeap(gfn, offset, type)) return false;
  if (replaced === FRAME.ram) xen.state.totalPages -= 1;
  else forget(xen, gfn, replaced);
  return true;
}

function clear(xen: Xen, gfn: number): void {
  const type = xen.physmap.type(gfn);
  xen.physmap.remove(gfn);
  forget(xen, gfn, type);
  if (type === FRAME.ram) xen.state.totalPages -= 1;
}

function locked(xen: Xen, work: () => number): number {
  const { lock } = xen.state;
  lock.lock();
  try {
    return work();
  } finally {
    lock.unlock();
  }
}
