import {
  PAGE_SIZE,
  VCPUOP,
  vcpuGuestContext,
  vcpuHvmContext,
  vcpuRegisterVcpuInfo,
  vcpuRunstateInfo,
  vcpuRunstateInfo32,
  vcpuSetSingleshotTimer,
  XEN_ERRNO,
} from "@pvh/abi";
import { Argument } from "./argument.ts";
import { refusedGuestContext, refusedHvmContext } from "./bring-up.ts";
import type { Hypercall } from "./hypercalls.ts";
import { VCPU_INFO_SIZE } from "./shared-info-layout.ts";
import { BRING_UP, type GuestArea, RUNSTATE, type VcpuState } from "./vcpu-state.ts";
import { writeVcpuTime } from "./xen.ts";

const argument = new Argument(vcpuRunstateInfo.size);

/** VCPU_SSHOTTMR_future: a timeout that is over already is an error. */
const SINGLE_SHOT_FUTURE = 1;
const MIN_PERIOD_NS = 1e6;
/** STIME_DELTA_MAX of Xen, about 15 hours. */
const MAX_PERIOD_NS = 2 ** 62 / 2 ** 16;

/** vcpu_op(cmd, vcpu, arg) (public/vcpu.h). */
export function vcpuOp(call: Hypercall): number {
  const { xen } = call;
  const vcpu = (call.low[1] ?? 0) >>> 0;
  const state = xen.vcpus[vcpu];
  if (state === undefined) return -XEN_ERRNO.ENOENT;
  switch (call.low[0]) {
    case VCPUOP.initialise:
      return initialise(call, state);
    case VCPUOP.up:
      return up(call, vcpu, state);
    case VCPUOP.down:
      return down(call, vcpu, state);
    case VCPUOP.is_up:
      return state.online ? 1 : 0;
    case VCPUOP.get_runstate_info:
      return getRunstate(call, state);
    case VCPUOP.register_runstate_memory_area:
      return registerRunstate(call, vcpu, state);
    case VCPUOP.register_vcpu_time_memory_area:
      return registerTime(call, vcpu, state);
    case VCPUOP.set_periodic_timer:
      return setPeriodicTimer(call, vcpu, state);
    case VCPUOP.stop_periodic_timer:
      state.setPeriod(0, 0);
      return 0;
    case VCPUOP.set_singleshot_timer:
      return vcpu === call.vcpu.index ? setSingleShot(call, state) : -XEN_ERRNO.EINVAL;
    case VCPUOP.stop_singleshot_timer:
      if (vcpu !== call.vcpu.index) return -XEN_ERRNO.EINVAL;
      state.singleShot = 0;
      return 0;
    case VCPUOP.register_vcpu_info:
      return registerInfo(call, vcpu, state);
    case VCPUOP.send_nmi:
      if (call.low[2] !== 0 || call.high[2] !== 0) return -XEN_ERRNO.EINVAL;
      state.raiseNmi();
      xen.wake(vcpu);
      return 0;
    // No guest is told on which of the host's processors it runs.
    case VCPUOP.get_physid:
      return -XEN_ERRNO.EINVAL;
    default:
      return -XEN_ERRNO.ENOSYS;
  }
}

/** Takes the first state of a vCPU that was not started yet. */
function initialise(call: Hypercall, state: VcpuState): number {
  const classic = call.xen.domain.bootInterface === "classic";
  const size = classic ? vcpuGuestContext.size : vcpuHvmContext.size;
  const context = new Uint8Array(size);
  if (!call.memory.copyIn(call.high[2] ?? 0, call.low[2] ?? 0, context, size)) return -XEN_ERRNO.EFAULT;
  if (state.initialised) return -XEN_ERRNO.EEXIST;
  if (classic ? refusedGuestContext(context) : refusedHvmContext(context)) return -XEN_ERRNO.EINVAL;
  const { lock } = call.xen.state;
  lock.lock();
  const taken = state.initialised;
  if (!taken) {
    state.bringUp.set(context);
    state.setBringUp(classic ? BRING_UP.guestContext : BRING_UP.hvmContext);
    state.initialised = true;
  }
  lock.unlock();
  return taken ? -XEN_ERRNO.EEXIST : 0;
}

function up(call: Hypercall, vcpu: number, state: VcpuState): number {
  if (!state.initialised) return -XEN_ERRNO.EINVAL;
  state.online = true;
  call.xen.wake(vcpu);
  return 0;
}

/** The last vCPU that goes down takes the domain with it. */
function down(call: Hypercall, vcpu: number, state: VcpuState): number {
  const others = call.xen.vcpus.some((other, index) => index !== vcpu && other.online);
  if (!others) {
    call.vcpu.end("poweroff");
    return 0;
  }
  state.online = false;
  call.xen.wake(vcpu);
  return 0;
}

function getRunstate(call: Hypercall, state: VcpuState): number {
  const size = writeRunstate(argument, state, call.xen.clock.now(), call.code64, false);
  return argument.store(call, 2, size) ? 0 : -XEN_ERRNO.EFAULT;
}

/** XEN_RUNSTATE_UPDATE: the highest bit of state_entry_time while the rest is being written. */
const RUNSTATE_UPDATE = 0x80000000;

/** Puts vcpu_runstate_info into `into`, as it is at `now`. Returns its size. */
export function writeRunstate(
  into: Argument,
  state: VcpuState,
  now: number,
  wide: boolean,
  updating: boolean,
): number {
  const { size, fields } = wide ? vcpuRunstateInfo : vcpuRunstateInfo32;
  const current = state.runstate;
  into.bytes.fill(0, 0, size);
  into.setU32(fields.state.offset, current);
  into.setU64(fields.state_entry_time.offset, state.stateEntry);
  if (updating) {
    const high = fields.state_entry_time.offset + 4;
    into.setU32(high, (into.u32(high) | RUNSTATE_UPDATE) >>> 0);
  }
  for (let i = RUNSTATE.running; i <= RUNSTATE.offline; i++) {
    const time = state.timeIn(i) + (i === current ? Math.max(0, now - state.stateEntry) : 0);
    into.setU64(fields.time.offset + i * 8, time);
  }
  return size;
}

function area(call: Hypercall): GuestArea {
  const { code64 } = call;
  return {
    low: argument.view.getInt32(0, true),
    high: code64 ? argument.view.getInt32(4, true) : 0,
    wide: code64,
  };
}

/** The area is named by a virtual address: the vCPU itself keeps it up to date, through its own page tables. */
function registerRunstate(call: Hypercall, vcpu: number, state: VcpuState): number {
  if (!argument.load(call, 2, call.code64 ? 8 : 4)) return -XEN_ERRNO.EFAULT;
  const { low, high, wide } = area(call);
  state.setRunstateArea({ low, high, wide });
  const size = writeRunstate(argument, state, call.xen.clock.now(), wide, false);
  call.memory.copyOut(high, low, argument.bytes, size);
  if (vcpu !== call.vcpu.index) call.xen.wake(vcpu);
  return 0;
}

function registerTime(call: Hypercall, vcpu: number, state: VcpuState): number {
  if (!argument.load(call, 2, call.code64 ? 8 : 4)) return -XEN_ERRNO.EFAULT;
  state.setTimeArea(area(call));
  if (vcpu === call.vcpu.index) call.vcpu.publishTime();
  return 0;
}

function setPeriodicTimer(call: Hypercall, vcpu: number, state: VcpuState): number {
  if (!argument.load(call, 2, 8)) return -XEN_ERRNO.EFAULT;
  const period = argument.u64(0);
  if (period < MIN_PERIOD_NS || period > MAX_PERIOD_NS) return -XEN_ERRNO.EINVAL;
  state.setPeriod(period, call.xen.clock.now() + period);
  if (vcpu === call.vcpu.index) call.vcpu.timersChanged();
  else call.xen.wake(vcpu);
  return 0;
}

function setSingleShot(call: Hypercall, state: VcpuState): number {
  const { fields } = vcpuSetSingleshotTimer;
  if (!argument.load(call, 2, fields.flags.offset + 4)) return -XEN_ERRNO.EFAULT;
  const timeout = argument.u64(fields.timeout_abs_ns.offset);
  const future = (argument.u32(fields.flags.offset) & SINGLE_SHOT_FUTURE) !== 0;
  if (future && timeout < call.xen.clock.now()) return -XEN_ERRNO.ETIME;
  // 0 would mean that none is set; any time that is over does as well.
  state.singleShot = Math.max(1, timeout);
  call.vcpu.timersChanged();
  return 0;
}

/** Moves a vCPU's vcpu_info to a place of the guest's choice, once. */
function registerInfo(call: Hypercall, vcpu: number, state: VcpuState): number {
  const { xen } = call;
  const { size, fields } = vcpuRegisterVcpuInfo;
  if (!argument.load(call, 2, size)) return -XEN_ERRNO.EFAULT;
  const gfn = argument.u64(fields.mfn.offset);
  const offset = argument.u32(fields.offset.offset);
  if (offset > PAGE_SIZE - VCPU_INFO_SIZE || offset % (xen.state.shared32 ? 4 : 8) !== 0) {
    return -XEN_ERRNO.ENXIO;
  }
  if (state.infoFrame >= 0) return -XEN_ERRNO.EINVAL;
  const slot = xen.memory.find(gfn * PAGE_SIZE, PAGE_SIZE);
  if (slot === undefined) return -XEN_ERRNO.EINVAL;
  xen.state.lock.lock();
  const before = xen.infos.of(vcpu);
  const at = gfn * PAGE_SIZE - slot.gpa + offset;
  slot.bytes.set(before.bytes.subarray(before.at, before.at + VCPU_INFO_SIZE), at);
  state.setInfo(gfn, offset);
  xen.state.lock.unlock();
  writeVcpuTime(xen, vcpu);
  // What came meanwhile may have gone to the old place: the guest looks at everything once.
  xen.events.announceAll(vcpu);
  return 0;
}
