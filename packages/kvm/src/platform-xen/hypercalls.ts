import { HYPERCALL, XEN_ERRNO } from "@pvh/abi";
import type { PortDevice } from "../devices/port-bus.ts";
import { COUNT } from "../shared/vcpu-control.ts";
import { REG, type RunPage } from "../vcpu/run-page.ts";
import type { VcpuThread } from "../vcpu/thread.ts";
import { consoleIo } from "./console-io.ts";
import type { XenDomain } from "./domain.ts";
import type { GuestVirtual } from "./guest-virtual.ts";
import { memoryOp } from "./memory-op.ts";
import { schedOp } from "./sched-op.ts";
import { xenVersion } from "./xen-version.ts";

/**
 * A handler's answer when it has done a part of a long call and put the rest into the arguments: it is called again,
 * unless the vCPU is to stop.
 */
export const CONTINUE = 1 << 30;

/** What a hypercall may do to the vCPU that made it; see `VcpuThread`. */
export type HypercallHost = Pick<
  VcpuThread,
  "control" | "count" | "end" | "consoleOutput" | "serviceRequests"
>;

/** One hypercall on its way: arguments as halves of 32 bits; a 32-bit caller's high halves are 0. */
export interface Hypercall {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** The caller is 64-bit code: handles and longs are 8 bytes. */
  code64: boolean;
  readonly memory: GuestVirtual;
  readonly domain: XenDomain;
  readonly vcpu: HypercallHost;
}

/** Returns what goes into rax, a negated errno when below 0; -ENOSYS is counted as refused. */
export type HypercallHandler = (call: Hypercall) => number;

const handlers: HypercallHandler[] = [];
handlers[HYPERCALL.memory_op] = memoryOp;
handlers[HYPERCALL.xen_version] = xenVersion;
handlers[HYPERCALL.console_io] = consoleIo;
handlers[HYPERCALL.sched_op] = schedOp;

const ARGUMENTS_64 = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];
const ARGUMENTS_32 = [REG.rbx, REG.rcx, REG.rdx, REG.rsi, REG.rdi, REG.rbp];
const ARGUMENTS = 6;

/** The far end of the hypercall page's stubs: `out %eax, $port` with the number in eax. */
export class HypercallPort implements PortDevice {
  readonly #run: RunPage;
  readonly #call: Hypercall;

  constructor(run: RunPage, memory: GuestVirtual, domain: XenDomain, vcpu: HypercallHost) {
    this.#run = run;
    this.#call = {
      low: new Int32Array(ARGUMENTS),
      high: new Int32Array(ARGUMENTS),
      code64: false,
      memory,
      domain,
      vcpu,
    };
  }

  read(_port: number, size: number): number {
    return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
  }

  write(_port: number, size: number, value: number): void {
    if (size !== 4) return;
    const { vcpu } = this.#call;
    vcpu.count(COUNT.hypercall);
    this.#call.code64 = this.#run.code64;
    const result = this.#run.cpl === 0 ? this.#dispatch(value) : -XEN_ERRNO.EPERM;
    if (result === CONTINUE) return;
    if (result === -XEN_ERRNO.ENOSYS) vcpu.control.countRefused(value);
    const high = this.#call.code64 && result < 0 ? -1 : 0;
    this.#run.setReg(REG.rax, result, high);
  }

  #dispatch(nr: number): number {
    const call = this.#call;
    const run = this.#run;
    const { code64 } = call;
    const handler = handlers[nr];
    if (handler === undefined) return -XEN_ERRNO.ENOSYS;
    for (let i = 0; i < ARGUMENTS; i++) {
      const register = (code64 ? ARGUMENTS_64[i] : ARGUMENTS_32[i]) ?? 0;
      call.low[i] = run.regLow(register);
      call.high[i] = code64 ? run.regHigh(register) : 0;
    }
    let result = handler(call);
    while (result === CONTINUE && call.vcpu.serviceRequests()) result = handler(call);
    return result;
  }
}
