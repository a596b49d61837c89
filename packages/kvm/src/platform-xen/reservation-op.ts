import { PAGE_SIZE, XENMEM, xenMemoryReservation, xenMemoryReservation32 } from "@pvh/abi";
import { Argument, element, elementAt } from "./argument.ts";
import { CONTINUE, type Hypercall } from "./hypercalls.ts";
import { MEMOP_EXTENT_SHIFT, refusedMemoryOf } from "./memory-op-common.ts";
import { FRAME } from "./physmap.ts";

const argument = new Argument(xenMemoryReservation.size);
const frame = new Argument(8);

/** CONFIG_DOMU_MAX_ORDER: 2 MiB. */
const MAX_ORDER = 9;
/** Pages done before the vCPU looks whether somebody wants something else of it. */
const BATCH = 1024;
/** More than a continued call could count. */
const MAX_EXTENTS = 0xffffffff >>> MEMOP_EXTENT_SHIFT;

/**
 * XENMEM_increase_reservation, decrease_reservation, populate_physmap: balloon drivers live on them. They never fail:
 * the result is how many extents were done.
 */
export function adjustReservation(call: Hypercall, op: number, start: number): number {
  const { code64 } = call;
  const { size, fields } = code64 ? xenMemoryReservation : xenMemoryReservation32;
  if (!argument.load(call, 1, size)) return start;
  const count = code64 ? argument.u64(fields.nr_extents.offset) : argument.u32(fields.nr_extents.offset);
  const order = argument.u32(fields.extent_order.offset);
  const refused = refusedMemoryOf(call, argument.u16(fields.domid.offset)) !== 0;
  if (refused || count > MAX_EXTENTS || start >= count || order > MAX_ORDER) return start;
  const list = fields.extent_start.offset;
  const low = argument.view.getInt32(list, true);
  const high = code64 ? argument.view.getInt32(list + 4, true) : 0;

  const wordSize = code64 ? 8 : 4;
  const pages = 2 ** order;
  const end = Math.min(count, start + Math.max(1, BATCH / pages));
  for (let done = start; done < end; done++) {
    if (op === XENMEM.increase_reservation) {
      if (!increase(call, pages)) return done;
      continue;
    }
    elementAt(high, low, done * wordSize);
    if (!call.memory.copyIn(element.high, element.low, frame.bytes, wordSize)) return done;
    const gfn = code64 ? frame.u64(0) : frame.u32(0);
    const adjusted =
      op === XENMEM.decrease_reservation ? decrease(call, gfn, pages) : populate(call, gfn, pages);
    if (!adjusted) return done;
  }
  if (end === count) return count;
  call.low[0] = op | (end << MEMOP_EXTENT_SHIFT);
  return CONTINUE;
}

/** Pages that stand at no frame: a translated guest gains nothing by them, but Xen counts them. */
function increase({ xen }: Hypercall, pages: number): boolean {
  const { state } = xen;
  state.lock.lock();
  const room = state.totalPages + pages <= state.maxPages;
  if (room) state.totalPages += pages;
  state.lock.unlock();
  return room;
}

function decrease({ xen }: Hypercall, gfn: number, pages: number): boolean {
  const { state, physmap } = xen;
  state.lock.lock();
  let done = 0;
  for (; done < pages; done++) {
    const type = physmap.type(gfn + done);
    if (type === FRAME.none || type === FRAME.granted) break;
    physmap.remove(gfn + done);
    forget(xen, gfn + done, type);
    if (type === FRAME.ram) state.totalPages -= 1;
  }
  state.lock.unlock();
  return done === pages;
}

function populate({ xen }: Hypercall, gfn: number, pages: number): boolean {
  const { state, physmap, memory } = xen;
  state.lock.lock();
  let done = 0;
  for (; done < pages; done++) {
    const type = physmap.type(gfn + done);
    if (type === FRAME.ram) {
      // The page that was there goes, a zeroed one comes.
      const gpa = (gfn + done) * PAGE_SIZE;
      const slot = memory.find(gpa, PAGE_SIZE);
      slot?.bytes.fill(0, gpa - slot.gpa, gpa - slot.gpa + PAGE_SIZE);
      continue;
    }
    if (type !== FRAME.none || state.totalPages >= state.maxPages || !physmap.populate(gfn + done)) break;
    state.totalPages += 1;
  }
  state.lock.unlock();
  return done === pages;
}

/** A page of the hypervisor's stands nowhere any more. */
export function forget(xen: Hypercall["xen"], gfn: number, type: number): void {
  if (type === FRAME.sharedInfo && xen.state.sharedInfoGfn === gfn) xen.state.sharedInfoGfn = -1;
  if (type !== FRAME.grantTable) return;
  const at = xen.grants.frameAt(gfn);
  if (at >= 0) xen.grants.setFrameGfn(at, -1);
}
