import {
  KVM_SYNC_X86_REGS,
  KVM_SYNC_X86_SREGS,
  kvmIoctl,
  kvmMsrEntry,
  kvmMsrs,
  kvmRun,
  MSR,
  vcpuHvmContext,
  vcpuRunstateInfo,
  vcpuTimeInfo,
  XEN_HYPERCALL_MSR,
} from "@pvh/abi";
import { loadBootState } from "../boot-state.ts";
import type { PortBus } from "../devices/port-bus.ts";
import { Alarm } from "../host/alarm.ts";
import { ioctlPointer, schedYield } from "../host/libc.ts";
import { REQUEST } from "../shared/vcpu-control.ts";
import type { VcpuPlatform } from "../vcpu/platform.ts";
import type { VcpuThread } from "../vcpu/thread.ts";
import { Argument } from "./argument.ts";
import { fromGuestContext, fromHvmContext, fromStartup } from "./bring-up.ts";
import { GuestVirtual } from "./guest-virtual.ts";
import { HYPERCALL_PORT } from "./hypercall-port.ts";
import { type HypercallHost, HypercallPort } from "./hypercalls.ts";
import { flushVcpuTlb, VcpuInterrupts } from "./interrupts.ts";
import { returnFromInterrupt } from "./iret.ts";
import type { OpenXen } from "./shared.ts";
import { ASSIST_RUNSTATE_UPDATE } from "./small-ops.ts";
import { VcpuTimers } from "./timers.ts";
import { writeRunstate } from "./vcpu-op.ts";
import { BRING_UP, type GuestArea, RUNSTATE, type VcpuState } from "./vcpu-state.ts";
import { latchSharedInfo, writeVcpuTime } from "./xen.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** How long a flush waits for a vCPU at a time; it looks again after that. */
const FLUSH_WAIT_MS = 1;

/** A vCPU of the xen platform, in its thread: no interrupt controller in the kernel, hypercalls through the page's port. */
export class XenVcpu implements VcpuPlatform, HypercallHost {
  // Special registers too: each hypercall checks the privilege level, and walks page tables.
  readonly syncedRegisters = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
  readonly index: number;
  readonly #vcpu: VcpuThread;
  readonly #fd: number;
  readonly #xen: OpenXen;
  readonly #state: VcpuState;
  readonly #virtual: GuestVirtual;
  readonly #interrupts: VcpuInterrupts;
  readonly #timers: VcpuTimers;
  readonly #alarm: Alarm;
  readonly #hypercalls: HypercallPort;
  readonly #area: GuestArea = { low: 0, high: 0, wide: false };
  readonly #scratch = new Argument(Math.max(vcpuRunstateInfo.size, vcpuTimeInfo.size));
  /** Timers, the clock or the alarm have to be looked at before the next entry. */
  #rearm = true;
  #clockSeen = -1;

  constructor(vcpu: VcpuThread, fd: number, tid: number, ports: PortBus, xen: OpenXen, state: VcpuState) {
    this.#vcpu = vcpu;
    this.#fd = fd;
    this.#xen = xen;
    this.#state = state;
    this.index = vcpu.index;
    this.#virtual = new GuestVirtual(xen.memory, vcpu.run);
    this.#interrupts = new VcpuInterrupts(vcpu.index, fd, vcpu.run, xen, xen.apics);
    this.#timers = new VcpuTimers(vcpu.index, state, xen.state, xen.events, xen.apics);
    this.#alarm = new Alarm(tid);
    this.#hypercalls = new HypercallPort(vcpu.run, this.#virtual, xen, this);
    ports.attach(HYPERCALL_PORT, 1, this.#hypercalls);
  }

  get control() {
    return this.#vcpu.control;
  }
  readonly count = (counter: number) => this.#vcpu.count(counter);
  readonly end: VcpuThread["end"] = (reason, detail) => this.#vcpu.end(reason, detail);
  readonly consoleOutput: VcpuThread["consoleOutput"] = (bytes, length) =>
    this.#vcpu.consoleOutput(bytes, length);
  readonly serviceRequests = () => this.#vcpu.serviceRequests();
  readonly hasEvents = () => this.#interrupts.waiting();

  get interruptible(): boolean {
    return this.#interrupts.enabled;
  }

  enter(): boolean {
    const { control } = this.#vcpu;
    for (;;) {
      if (this.#rearm) this.#lookAtTime();
      if (this.#vcpu.hasEnded) return false;
      // Said before the last look at what others may have set: see VcpuControl.inGuest.
      control.inGuest = true;
      if (this.#state.online && !this.#state.bringUpPending) break;
      control.inGuest = false;
      if (!this.#waitUntilOnline()) return false;
    }
    if (this.#state.flushTlb) {
      flushVcpuTlb(this.#fd);
      this.#state.flushTlb = false;
    }
    this.#interrupts.inject();
    return true;
  }

  left(interrupted: boolean): void {
    this.#interrupts.takePriority();
    if (interrupted) this.#rearm = true;
  }

  halt(): void {
    if (this.#interrupts.enabled || this.#state.nmi) this.block(this.hasEvents, NEVER);
    else this.#haltForGood();
  }

  /** HLT with interrupts disabled: nothing but an NMI ends it. When no vCPU is left, Xen takes it for a power-off. */
  #haltForGood(): void {
    const others = this.#xen.vcpus.some((other, index) => index !== this.index && other.online);
    if (others) this.#state.online = false;
    else this.end("poweroff", "the last running vCPU executed HLT with interrupts disabled");
  }

  block(ready: () => boolean, deadline: number): void {
    const { control } = this.#vcpu;
    if (ready()) return;
    this.#alarm.clear();
    this.#enterRunstate(RUNSTATE.blocked);
    for (;;) {
      const wakes = control.wakes;
      const now = this.#xen.clock.now();
      if (this.#timers.expire(now)) this.#watchdogExpired();
      if (this.#vcpu.hasEnded || ready() || now >= deadline || !this.#state.online) break;
      if (control.request !== REQUEST.run) {
        if (!this.#vcpu.serviceRequests()) break;
        continue;
      }
      control.sleep(wakes, (Math.min(this.#timers.next(), deadline) - now) / 1e6);
    }
    this.#enterRunstate(RUNSTATE.running);
    this.#rearm = true;
  }

  yieldCpu(): void {
    schedYield();
  }

  timersChanged(): void {
    this.#rearm = true;
  }

  flushTlbs(): void {
    const { vcpus, wake } = this.#xen;
    this.#state.flushTlb = true;
    vcpus.forEach((other, index) => {
      if (index === this.index || !other.online) return;
      other.flushTlb = true;
      wake(index);
    });
    vcpus.forEach((other, index) => {
      // One that is not in the guest flushes before it enters.
      while (index !== this.index && other.flushTlb && this.#vcpu.isInGuest(index)) {
        if (!this.#vcpu.serviceRequests()) return;
        this.control.sleep(this.control.wakes, FLUSH_WAIT_MS);
      }
    });
  }

  readMsr(index: number): boolean {
    const { data } = this.#vcpu.run;
    const { apics } = this.#xen;
    if (apics?.isMsr(index)) {
      if (!apics.readMsr(this.index, index)) return false;
      data.setInt32(kvmRun.msr.data, apics.low, true);
      data.setInt32(kvmRun.msr.data + 4, apics.high, true);
      return true;
    }
    // What Xen 4.4-4.6 let classic guests read of MSRs that it did not know.
    data.setBigUint64(kvmRun.msr.data, 0n, true);
    return this.#xen.domain.bootInterface === "classic";
  }

  writeMsr(index: number, high: number, low: number): boolean {
    if (index === XEN_HYPERCALL_MSR) return this.#fillHypercallPage(high, low);
    const { apics } = this.#xen;
    if (apics?.isMsr(index)) {
      // It may have been the timer.
      this.#rearm = true;
      return apics.writeMsr(this.index, index, high, low);
    }
    return this.#xen.domain.bootInterface === "classic";
  }

  mmio(low: number, high: number, length: number, write: boolean): boolean {
    const { apics } = this.#xen;
    if (apics === undefined || high !== 0) return false;
    const offset = (low >>> 0) - apics.base(this.index);
    if (offset < 0 || offset >= 4096 || length > 4) return false;
    const { data } = this.#vcpu.run;
    const at = kvmRun.mmio.data;
    if (write) {
      const value =
        length === 4 ? data.getUint32(at, true) : length === 2 ? data.getUint16(at, true) : data.getUint8(at);
      apics.writeMmio(this.index, offset, length, value);
      this.#rearm = true;
    } else {
      data.setUint32(at, apics.readMmio(this.index, offset, length), true);
      data.setUint32(at + 4, 0, true);
    }
    return true;
  }

  hypercall(): void {
    this.#hypercalls.trapped();
  }

  emulate(instruction: Uint8Array): boolean {
    return returnFromInterrupt(instruction, this.#fd, this.#vcpu.run, this.#virtual);
  }

  publishTime(): void {
    if (!this.#state.timeArea(this.#area)) return;
    const { bytes, view } = this.#scratch;
    this.#xen.clock.writeTimeInfo({ data: view, words: new Int32Array(bytes.buffer) }, 0);
    this.#virtual.copyOut(this.#area.high, this.#area.low, bytes, vcpuTimeInfo.size);
  }

  /** Page index in the low bits of the address: there is only page 0. */
  #fillHypercallPage(high: number, low: number): boolean {
    if ((low & 0xfff) !== 0) return false;
    const { domain, memory } = this.#xen;
    const gpa = (high >>> 0) * 2 ** 32 + (low >>> 0);
    const slot = memory.find(gpa, domain.hypercallPage.length);
    slot?.bytes.set(domain.hypercallPage, gpa - slot.gpa);
    if (slot !== undefined) latchSharedInfo(this.#xen, this.#vcpu.run.code64);
    return slot !== undefined;
  }

  #lookAtTime(): void {
    this.#rearm = false;
    const { clock, state } = this.#xen;
    const now = clock.now();
    if (this.#timers.expire(now)) this.#watchdogExpired();
    clock.calibrate(now, this.#readTsc);
    if (state.clockVersion !== this.#clockSeen) {
      this.#clockSeen = state.clockVersion;
      writeVcpuTime(this.#xen, this.index);
      this.publishTime();
    }
    this.#alarm.set(now, this.#timers.next());
  }

  #watchdogExpired(): void {
    this.end("watchdog", "the guest did not reset its watchdog in time (SCHEDOP_watchdog)");
  }

  /** False when somebody wants something else of the thread. */
  #waitUntilOnline(): boolean {
    const { control } = this.#vcpu;
    const state = this.#state;
    if (!state.online) {
      this.#alarm.clear();
      this.#enterRunstate(RUNSTATE.offline);
    }
    for (;;) {
      const wakes = control.wakes;
      if (!this.#bringUp(state.takeBringUp())) return false;
      if (state.online) break;
      if (control.request !== REQUEST.run) return false;
      // The first vCPU's thread keeps the domain's watchdogs.
      const now = this.#xen.clock.now();
      const next = this.#timers.nextWatchdog();
      if (next <= now) {
        this.#watchdogExpired();
        return false;
      }
      control.sleep(wakes, (next - now) / 1e6);
    }
    this.#enterRunstate(RUNSTATE.running);
    this.#rearm = true;
    this.#clockSeen = -1;
    return true;
  }

  /** False when the state that the guest has given the vCPU is none that a processor can have. */
  #bringUp(kind: number): boolean {
    if (kind === BRING_UP.none) return true;
    if (kind === BRING_UP.startup || kind === BRING_UP.init) this.#xen.apics?.reset(this.index);
    if (kind === BRING_UP.init) return true;
    const bytes = this.#state.bringUp.slice();
    const context =
      kind === BRING_UP.startup
        ? fromStartup(this.#state.startupVector)
        : kind === BRING_UP.hvmContext
          ? fromHvmContext(bytes.subarray(0, vcpuHvmContext.size))
          : fromGuestContext(bytes);
    try {
      loadBootState(this.#fd, context, new Map());
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.end("crash", `the guest gave vCPU ${this.index} a state that the host's KVM refuses: ${why}`);
      return false;
    }
  }

  #enterRunstate(runstate: number): void {
    const state = this.#state;
    if (state.runstate === runstate) return;
    const now = this.#xen.clock.now();
    state.enterRunstate(runstate, now);
    const area = this.#area;
    if (!state.runstateArea(area)) return;
    if ((this.#xen.state.assists & (1 << ASSIST_RUNSTATE_UPDATE)) !== 0) this.#copyRunstate(area, now, true);
    this.#copyRunstate(area, now, false);
  }

  #copyRunstate({ high, low, wide }: GuestArea, now: number, updating: boolean): void {
    const size = writeRunstate(this.#scratch, this.#state, now, wide, updating);
    this.#virtual.copyOut(high, low, this.#scratch.bytes, size);
  }

  readonly #readTsc = () => readTsc(this.#fd);
}

/** The guest's TSC now. Blocks while the vCPU is in the guest. */
export function readTsc(fd: number): bigint {
  const argument = new Uint8Array(kvmMsrs.size + kvmMsrEntry.size);
  kvmMsrs.writeTo(argument, 0, { nmsrs: 1 });
  kvmMsrEntry.writeTo(argument, kvmMsrs.size, { index: MSR.TSC });
  ioctlPointer(fd, kvmIoctl.KVM_GET_MSRS, argument);
  return kvmMsrEntry.decode(argument, kvmMsrs.size).data;
}
