import { e820Entry, XEN_ERRNO, XENMEM, xenMemoryMap, xenMemoryMap32 } from "@pvh/abi";
import { Argument } from "./argument.ts";
import type { Hypercall } from "./hypercalls.ts";
import { MEMOP_EXTENT_SHIFT, refusedMemoryOf } from "./memory-op-common.ts";
import { addToPhysmap, addToPhysmapBatch, removeFromPhysmap } from "./physmap-op.ts";
import { adjustReservation } from "./reservation-op.ts";

const argument = new Argument(xenMemoryMap.size);

const MEMOP_CMD_MASK = (1 << MEMOP_EXTENT_SHIFT) - 1;

/** memory_op(cmd, arg) (public/memory.h). */
export function memoryOp(call: Hypercall): number {
  const op = (call.low[0] ?? 0) & MEMOP_CMD_MASK;
  const start = (call.low[0] ?? 0) >>> MEMOP_EXTENT_SHIFT;
  switch (op) {
    case XENMEM.increase_reservation:
    case XENMEM.decrease_reservation:
    case XENMEM.populate_physmap:
      return adjustReservation(call, op, start);
    case XENMEM.add_to_physmap_batch:
      return addToPhysmapBatch(call, start);
  }
  if (start !== 0) return op === XENMEM.memory_map ? -XEN_ERRNO.ENOSYS : -XEN_ERRNO.EINVAL;
  switch (op) {
    case XENMEM.maximum_ram_page:
      return call.xen.state.maxPages;
    case XENMEM.current_reservation:
    case XENMEM.maximum_reservation:
    case XENMEM.maximum_gpfn:
      return reservation(call, op);
    case XENMEM.add_to_physmap:
      return addToPhysmap(call);
    case XENMEM.remove_from_physmap:
      return removeFromPhysmap(call);
    case XENMEM.memory_map:
      return memoryMap(call);
    // Exchanging machine frames means nothing to a translated guest.
    case XENMEM.exchange:
      return -XEN_ERRNO.EOPNOTSUPP;
    case XENMEM.get_vnumainfo:
      return -XEN_ERRNO.EOPNOTSUPP;
    case XENMEM.set_memory_map:
    case XENMEM.claim_pages:
    case XENMEM.set_pod_target:
    case XENMEM.get_pod_target:
      return -XEN_ERRNO.EPERM;
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

function reservation(call: Hypercall, op: number): number {
  if (!argument.load(call, 1, 2)) return -XEN_ERRNO.EFAULT;
  const refused = refusedMemoryOf(call, argument.u16(0));
  if (refused !== 0) return refused;
  const { state, physmap } = call.xen;
  if (op === XENMEM.current_reservation) return state.totalPages;
  return op === XENMEM.maximum_reservation ? state.maxPages : physmap.lastFrame;
}

function memoryMap(call: Hypercall): number {
  const { memory, xen, code64 } = call;
  const map = xen.domain.memoryMap;
  const { size, fields } = code64 ? xenMemoryMap : xenMemoryMap32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const buffer = fields.buffer.offset;
  const low = argument.view.getInt32(buffer, true);
  const high = code64 ? argument.view.getInt32(buffer + 4, true) : 0;
  const entries = Math.min(argument.u32(fields.nr_entries.offset), map.length / e820Entry.size);
  argument.setU32(fields.nr_entries.offset, entries);
  const copied = memory.copyOut(high, low, map, entries * e820Entry.size) && argument.store(call, 1, size);
  return copied ? 0 : -XEN_ERRNO.EFAULT;
}
