import { HYPERCALL, kvmRun, XEN_ERRNO } from "@pvh/abi";
import type { PortDevice } from "../devices/port-bus.ts";
import { COUNT } from "../shared/vcpu-control.ts";
import { REG, type RunPage } from "../vcpu/run-page.ts";
import type { VcpuThread } from "../vcpu/thread.ts";
import { consoleIo } from "./console-io.ts";
import { eventChannelOp } from "./event-channel-op.ts";
import { grantTableOp } from "./grant-table-op.ts";
import type { GuestVirtual } from "./guest-virtual.ts";
import { hvmOp } from "./hvm-op.ts";
import { memoryOp } from "./memory-op.ts";
import { multicall } from "./multicall.ts";
import { schedOp } from "./sched-op.ts";
import { mmuextOp, privileged, setTimerOp, vmAssist } from "./small-ops.ts";
import { vcpuOp } from "./vcpu-op.ts";
import type { Xen } from "./xen.ts";
import { xenVersion } from "./xen-version.ts";

/**
 * A handler's answer when it has done a part of a long call and put the rest into the arguments: it is called again,
 * unless the vCPU is to stop.
 */
export const CONTINUE = 1 << 30;

/** What a hypercall may do to the vCPU that made it; see `VcpuThread` and `XenVcpu`. */
export interface HypercallHost
  extends Pick<VcpuThread, "control" | "count" | "end" | "consoleOutput" | "serviceRequests"> {
  readonly index: number;
  /** The guest has interrupts enabled. */
  readonly interruptible: boolean;
  /** An upcall or another interrupt waits for the vCPU. */
  readonly hasEvents: () => boolean;
  /** Sleeps until `ready`, or until the domain time `deadline`. */
  block(ready: () => boolean, deadline: number): void;
  /** Lets other vCPUs run. */
  yieldCpu(): void;
  /** A timer of this vCPU was set or stopped. */
  timersChanged(): void;
  /** Writes the area of VCPUOP_register_vcpu_time_memory_area. */
  publishTime(): void;
  /** Returns when no vCPU uses translations that it had before. */
  flushTlbs(): void;
}

/** One hypercall on its way: arguments as halves of 32 bits; a 32-bit caller's high halves are 0. */
export interface Hypercall {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** The caller is 64-bit code: handles and longs are 8 bytes. */
  code64: boolean;
  readonly memory: GuestVirtual;
  readonly xen: Xen;
  readonly vcpu: HypercallHost;
}

/** Returns what goes into rax, a negated errno when below 0; -ENOSYS is counted as refused. */
export type HypercallHandler = (call: Hypercall) => number;

/** Numbers that are missing answer -ENOSYS; so do Xen's PV-only calls (GDT, IDT, page tables) in an HVM container. */
const handlers: HypercallHandler[] = [];
handlers[HYPERCALL.platform_op] = privileged;
handlers[HYPERCALL.memory_op] = memoryOp;
handlers[HYPERCALL.multicall] = (call) => multicall(call, dispatchInner);
handlers[HYPERCALL.set_timer_op] = setTimerOp;
handlers[HYPERCALL.xen_version] = xenVersion;
handlers[HYPERCALL.console_io] = consoleIo;
handlers[HYPERCALL.grant_table_op] = grantTableOp;
handlers[HYPERCALL.vm_assist] = vmAssist;
handlers[HYPERCALL.vcpu_op] = vcpuOp;
handlers[HYPERCALL.mmuext_op] = mmuextOp;
handlers[HYPERCALL.sched_op] = schedOp;
handlers[HYPERCALL.event_channel_op] = eventChannelOp;
handlers[HYPERCALL.hvm_op] = hvmOp;
handlers[HYPERCALL.sysctl] = privileged;
handlers[HYPERCALL.domctl] = privileged;

/** Calls the handler until it is done with all that was asked for. Arguments are in `call`. */
function dispatch(call: Hypercall, nr: number): number {
  const handler = handlers[nr];
  if (handler === undefined) return -XEN_ERRNO.ENOSYS;
  let result = handler(call);
  while (result === CONTINUE && call.vcpu.serviceRequests()) result = handler(call);
  return result;
}

/** Inside a multicall. */
function dispatchInner(call: Hypercall, nr: number): number {
  return nr === HYPERCALL.multicall ? -XEN_ERRNO.EINVAL : dispatch(call, nr);
}

const ARGUMENTS_64 = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];
const ARGUMENTS_32 = [REG.rbx, REG.rcx, REG.rdx, REG.rsi, REG.rdi, REG.rbp];
const ARGUMENTS = 6;

/**
 * The far end of the hypercall page's stubs, `out %eax, $port` with the number in eax, and of the processor's own
 * instruction where KVM traps it.
 */
export class HypercallPort implements PortDevice {
  readonly #run: RunPage;
  readonly #call: Hypercall;

  constructor(run: RunPage, memory: GuestVirtual, xen: Xen, vcpu: HypercallHost) {
    this.#run = run;
    this.#call = {
      low: new Int32Array(ARGUMENTS),
      high: new Int32Array(ARGUMENTS),
      code64: false,
      memory,
      xen,
      vcpu,
    };
  }

  read(_port: number, size: number): number {
    return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
  }

  write(_port: number, size: number, value: number): void {
    if (size !== 4) return;
    const result = this.#make(value);
    if (result !== CONTINUE) this.#run.setReg(REG.rax, result, this.#call.code64 && result < 0 ? -1 : 0);
  }

  /** At KVM_EXIT_XEN. The result is for KVM to put into rax. */
  trapped(): void {
    const { data } = this.#run;
    const result = this.#make(data.getUint32(kvmRun.xen.input, true));
    data.setInt32(kvmRun.xen.result, result, true);
    data.setInt32(kvmRun.xen.result + 4, this.#call.code64 && result < 0 ? -1 : 0, true);
  }

  #make(nr: number): number {
    const call = this.#call;
    const run = this.#run;
    call.vcpu.count(COUNT.hypercall);
    const code64 = run.code64;
    call.code64 = code64;
    let result: number = -XEN_ERRNO.EPERM;
    if (run.cpl === 0) {
      for (let i = 0; i < ARGUMENTS; i++) {
        const register = (code64 ? ARGUMENTS_64[i] : ARGUMENTS_32[i]) ?? 0;
        call.low[i] = run.regLow(register);
        call.high[i] = code64 ? run.regHigh(register) : 0;
      }
      result = dispatch(call, nr);
    }
    if (result === -XEN_ERRNO.ENOSYS) call.vcpu.control.countRefused(nr);
    return result;
  }
}
