import {
  DOMID,
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTABOP,
  gnttabCopy,
  gnttabCopy32,
  gnttabGetVersion,
  gnttabMapGrantRef,
  gnttabQuerySize,
  gnttabSetupTable,
  gnttabSetupTable32,
  gnttabSetVersion,
  gnttabSwapGrantRef,
  gnttabUnmapGrantRef,
  PAGE_SIZE,
  XEN_ERRNO,
} from "@pvh/abi";
import type { RamView } from "../guest-memory.ts";
import { Argument, element, elementAt } from "./argument.ts";
import { HOST_DOMAIN } from "./event-channels.ts";
import { CONTINUE, type Hypercall } from "./hypercalls.ts";
import { FRAME } from "./physmap.ts";

const argument = new Argument(gnttabCopy.size);
/** Operations done before the vCPU looks whether somebody wants something else of it. */
const BATCH = 64;

/** Does one operation on the structure in `argument`; its status goes into the structure. */
type Each = (call: Hypercall) => number;

/** grant_table_op(cmd, args, count) (public/grant_table.h): what Xen 4.17 allows guests in an HVM container. */
export function grantTableOp(call: Hypercall): number {
  const count = call.low[2] ?? 0;
  if (count < 0) return -XEN_ERRNO.EINVAL;
  switch (call.low[0]) {
    case GNTTABOP.map_grant_ref:
      return each(call, gnttabMapGrantRef.size, gnttabMapGrantRef.fields.status.offset, mapGrant);
    case GNTTABOP.unmap_grant_ref:
      return each(call, gnttabUnmapGrantRef.size, gnttabUnmapGrantRef.fields.status.offset, unmapGrant);
    case GNTTABOP.copy: {
      const layout = call.code64 ? gnttabCopy : gnttabCopy32;
      return each(call, layout.size, layout.fields.status.offset, copyGrant);
    }
    case GNTTABOP.swap_grant_ref:
      return each(call, gnttabSwapGrantRef.size, gnttabSwapGrantRef.fields.status.offset, swapGrants);
    case GNTTABOP.query_size:
      return count === 1 ? querySize(call) : -XEN_ERRNO.EINVAL;
    case GNTTABOP.setup_table:
      return count === 1 ? setupTable(call) : -XEN_ERRNO.EINVAL;
    case GNTTABOP.set_version:
      return count === 1 ? setVersion(call) : -XEN_ERRNO.EINVAL;
    case GNTTABOP.get_version:
      return count === 1 ? getVersion(call) : -XEN_ERRNO.EINVAL;
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

/** Runs an operation on each of the `count` structures; the rest after a batch is for the next round. */
function each(call: Hypercall, size: number, status: number, run: Each): number {
  const count = (call.low[2] ?? 0) >>> 0;
  const batch = Math.min(count, BATCH);
  for (let i = 0; i < batch; i++) {
    elementAt(call.high[1] ?? 0, call.low[1] ?? 0, i * size);
    const { high, low } = element;
    if (!call.memory.copyIn(high, low, argument.bytes, size)) return -XEN_ERRNO.EFAULT;
    argument.view.setInt16(status, run(call), true);
    if (!call.memory.copyOut(high, low, argument.bytes, size)) return -XEN_ERRNO.EFAULT;
  }
  if (batch === count) return 0;
  elementAt(call.high[1] ?? 0, call.low[1] ?? 0, batch * size);
  call.high[1] = element.high;
  call.low[1] = element.low;
  call.low[2] = count - batch;
  return CONTINUE;
}

/** Of grants, there are only the guest's own: domain 0 grants nothing. `undefined` when the domain does not exist. */
function isOwn({ xen }: Hypercall, domain: number, selfAllowed: boolean): boolean | undefined {
  if (domain === xen.domain.domid || (selfAllowed && domain === DOMID.SELF)) return true;
  return domain === HOST_DOMAIN ? false : undefined;
}

function mapGrant(call: Hypercall): number {
  const { fields } = gnttabMapGrantRef;
  const { xen } = call;
  const own = isOwn(call, argument.u16(fields.dom.offset), false);
  if (own === undefined) return GNTST.bad_domain;
  const flags = argument.u32(fields.flags.offset);
  const ref = argument.u32(fields.ref.offset);
  // Xen says this too when neither kind of mapping is asked for.
  if (!own || (flags & (GNTMAP.host_map | GNTMAP.device_map)) === 0) return GNTST.bad_gntref;
  // In a translated guest a grant is mapped at a frame of guest-physical memory, and nowhere else.
  if ((flags & ~GNTMAP.readonly) !== GNTMAP.host_map) return GNTST.general_error;
  const write = (flags & GNTMAP.readonly) === 0;
  const status = xen.grants.begin(ref, xen.domain.domid, write);
  if (status !== GNTST.okay) return status;
  const gfn = Math.floor(argument.u64(fields.host_addr.offset) / PAGE_SIZE);
  const source = xen.grants.frame(ref);
  const { lock } = xen.state;
  lock.lock();
  const mapped = xen.physmap.type(source) === FRAME.ram && gfn !== source;
  const handle = mapped ? xen.grants.addHandle({ ref, gfn, write }) : -1;
  const done = handle >= 0 && xen.physmap.mapRam(gfn, source);
  if (!done && handle >= 0) xen.grants.removeHandle(handle);
  lock.unlock();
  if (!done) {
    xen.grants.end(ref, write);
    return mapped ? GNTST.no_device_space : GNTST.bad_page;
  }
  argument.setU32(fields.handle.offset, handle);
  argument.setU64(fields.dev_bus_addr.offset, 0);
  return GNTST.okay;
}

function unmapGrant(call: Hypercall): number {
  const { fields } = gnttabUnmapGrantRef;
  const { xen } = call;
  const handle = argument.u32(fields.handle.offset);
  const { lock } = xen.state;
  lock.lock();
  const mapping = xen.grants.handle(handle);
  const gfn = Math.floor(argument.u64(fields.host_addr.offset) / PAGE_SIZE);
  const right = mapping?.gfn === gfn && xen.physmap.type(gfn) === FRAME.granted;
  if (right) {
    xen.physmap.remove(gfn);
    xen.grants.removeHandle(handle);
  }
  lock.unlock();
  if (mapping === undefined) return GNTST.bad_handle;
  if (!right) return GNTST.general_error;
  xen.grants.end(mapping.ref, mapping.write);
  return GNTST.okay;
}

/** One end of a copy, as the structure names it. */
interface CopyEnd {
  domain: number;
  /** A reference or a frame. */
  target: number;
  offset: number;
  byRef: boolean;
  write: boolean;
}

/** A page whose use has begun. */
interface OpenPage {
  slot: RamView;
  at: number;
}

function copyGrant(call: Hypercall): number {
  const { fields } = call.code64 ? gnttabCopy : gnttabCopy32;
  const flags = argument.u16(fields.flags.offset);
  const length = argument.u16(fields.len.offset);
  const target = (at: number) => (call.code64 ? argument.u64(at) : argument.u32(at));
  const source: CopyEnd = {
    domain: argument.u16(fields.source_domid.offset),
    target: target(fields.source.offset),
    offset: argument.u16(fields.source_offset.offset),
    byRef: (flags & GNTCOPY.source_gref) !== 0,
    write: false,
  };
  const dest: CopyEnd = {
    domain: argument.u16(fields.dest_domid.offset),
    target: target(fields.dest.offset),
    offset: argument.u16(fields.dest_offset.offset),
    byRef: (flags & GNTCOPY.dest_gref) !== 0,
    write: true,
  };
  if (length === 0) return GNTST.okay;
  if (source.offset + length > PAGE_SIZE || dest.offset + length > PAGE_SIZE) return GNTST.bad_copy_arg;
  const from = openPage(call, source);
  if (typeof from === "number") return from;
  const to = openPage(call, dest);
  if (typeof to !== "number") {
    const bytes = from.slot.bytes.subarray(from.at + source.offset, from.at + source.offset + length);
    to.slot.bytes.set(bytes, to.at + dest.offset);
    closePage(call, dest);
  }
  closePage(call, source);
  return typeof to === "number" ? to : GNTST.okay;
}

/** The page of one end, or a status. */
function openPage(call: Hypercall, end: CopyEnd): OpenPage | number {
  const { xen } = call;
  const own = isOwn(call, end.domain, true);
  if (own === undefined) return GNTST.bad_domain;
  if (!end.byRef && end.domain !== DOMID.SELF) return GNTST.permission_denied;
  if (!own) return GNTST.bad_gntref;
  if (end.byRef) {
    // The upper half of a reference's place is not looked at.
    const status = xen.grants.begin(end.target % 2 ** 32, xen.domain.domid, end.write);
    if (status !== GNTST.okay) return status;
  }
  const gfn = end.byRef ? xen.grants.frame(end.target % 2 ** 32) : end.target;
  const gpa = gfn * PAGE_SIZE;
  const slot = xen.physmap.type(gfn) === FRAME.none ? undefined : xen.memory.find(gpa, PAGE_SIZE);
  if (slot !== undefined) return { slot, at: gpa - slot.gpa };
  closePage(call, end);
  return GNTST.bad_page;
}

function closePage({ xen }: Hypercall, end: CopyEnd): void {
  if (end.byRef) xen.grants.end(end.target % 2 ** 32, end.write);
}

function swapGrants({ xen }: Hypercall): number {
  const { fields } = gnttabSwapGrantRef;
  return xen.grants.swap(argument.u32(fields.ref_a.offset), argument.u32(fields.ref_b.offset));
}

function querySize(call: Hypercall): number {
  const { size, fields } = gnttabQuerySize;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const own = isOwn(call, argument.u16(fields.dom.offset), true);
  argument.view.setInt16(fields.status.offset, ownStatus(own), true);
  if (own === true) {
    argument.setU32(fields.nr_frames.offset, call.xen.state.grantFrames);
    argument.setU32(fields.max_nr_frames.offset, call.xen.grants.maxFrames);
  }
  return argument.store(call, 1, size) ? 0 : -XEN_ERRNO.EFAULT;
}

function ownStatus(own: boolean | undefined): number {
  if (own === undefined) return GNTST.bad_domain;
  return own ? GNTST.okay : GNTST.permission_denied;
}

function setupTable(call: Hypercall): number {
  const { xen, code64 } = call;
  const { size, fields } = code64 ? gnttabSetupTable : gnttabSetupTable32;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const own = isOwn(call, argument.u16(fields.dom.offset), true);
  const frames = argument.u32(fields.nr_frames.offset);
  let status = ownStatus(own);
  if (frames > xen.grants.maxFrames) status = GNTST.general_error;
  const list = fields.frame_list.offset;
  const low = argument.view.getInt32(list, true);
  const high = code64 ? argument.view.getInt32(list + 4, true) : 0;
  argument.view.setInt16(fields.status.offset, status, true);
  if (!argument.store(call, 1, size)) return -XEN_ERRNO.EFAULT;
  if (status !== GNTST.okay) return 0;
  xen.grants.grow(frames);
  const wordSize = code64 ? 8 : 4;
  for (let frame = 0; frame < frames; frame++) {
    elementAt(high, low, frame * wordSize);
    const gfn = xen.grants.frameGfn(frame);
    if (gfn < 0) argument.bytes.fill(0xff, 0, 8);
    else argument.setU64(0, gfn);
    if (!call.memory.copyOut(element.high, element.low, argument.bytes, wordSize)) return -XEN_ERRNO.EFAULT;
  }
  return 0;
}

function setVersion(call: Hypercall): number {
  const { size } = gnttabSetVersion;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const version = argument.u32(0);
  if (version !== 1 && version !== 2) return -XEN_ERRNO.EINVAL;
  // Xen says this where it was told to give guests version 1 only.
  const result = version === 2 ? -XEN_ERRNO.ENOSYS : 0;
  argument.setU32(0, 1);
  return argument.store(call, 1, size) ? result : -XEN_ERRNO.EFAULT;
}

function getVersion(call: Hypercall): number {
  const { size, fields } = gnttabGetVersion;
  if (!argument.load(call, 1, size)) return -XEN_ERRNO.EFAULT;
  const own = isOwn(call, argument.u16(fields.dom.offset), true);
  if (own !== true) return own === undefined ? -XEN_ERRNO.ESRCH : -XEN_ERRNO.EPERM;
  argument.setU32(fields.version.offset, 1);
  return argument.store(call, 1, size) ? 0 : -XEN_ERRNO.EFAULT;
}
