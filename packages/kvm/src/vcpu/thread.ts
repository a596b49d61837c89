import { KVM_EXIT_IO_OUT, kvmExit, kvmIoctl, kvmRun } from "@pvh/abi";
import type { OutputRing } from "../console/output-ring.ts";
import type { PortBus } from "../devices/port-bus.ts";
import type { GuestMemory } from "../guest-memory.ts";
import { errno, errnoName, ioctl } from "../host/libc.ts";
import type { CrashReport, ExitReason } from "../protocol.ts";
import { COUNT, REQUEST, VCPU_STATE, type VcpuControl } from "../shared/vcpu-control.ts";
import { crashReport } from "./crash-report.ts";
import { ExitHistory } from "./exit-history.ts";
import { fatalExit, notEmulated } from "./fatal-exit.ts";
import type { VcpuPlatform } from "./platform.ts";
import { REG, type RunPage } from "./run-page.ts";
import type { GuestEnd } from "./setup.ts";

const EINTR = 4;
const EAGAIN = 11;

/** Reasons after which people want to know where the guest was. */
const REPORTED: readonly ExitReason[] = ["crash", "watchdog", "triple-fault", "emulation-failure"];

/** On AMD, KVM resets the processor after a triple fault, before user space can look at it. */
const RESET_NOTE =
  "the host's KVM reset the processor at once, so that only the exit before it tells where the guest was";

export interface VcpuParts {
  index: number;
  fd: number;
  tid: number;
  run: RunPage;
  memory: GuestMemory;
  control: VcpuControl;
  /** Of all vCPUs. */
  controls: readonly VcpuControl[];
  ports: PortBus;
  output: OutputRing;
}

/**
 * The run loop of one vCPU: synchronous, in its own thread, answering its own exits. In the loop nothing is allocated.
 *
 * The main thread interferes through {@link VcpuControl} alone: it sets a request, then `immediate_exit`, then sends a
 * signal. Here `immediate_exit` is cleared before the request is read, so that none is missed.
 */
export class VcpuThread {
  readonly index: number;
  readonly control: VcpuControl;
  readonly memory: GuestMemory;
  readonly run: RunPage;
  readonly #parts: VcpuParts;
  readonly #counters: Float64Array;
  readonly #history = new ExitHistory();
  #platform: VcpuPlatform | undefined;
  #end: GuestEnd | undefined;

  constructor(parts: VcpuParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.control = parts.control;
    this.memory = parts.memory;
    this.run = parts.run;
    this.#counters = parts.control.counters;
  }

  /** The guest has ended; the loop stops after the exit that is being handled. The first end counts. */
  end(reason: ExitReason, detail?: string): void {
    this.#end ??= detail === undefined ? { reason } : { reason, detail };
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Whether another vCPU is in the guest, or about to be. */
  isInGuest(vcpu: number): boolean {
    return this.#parts.controls[vcpu]?.inGuest === true;
  }

  count(counter: number): void {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + 1;
  }

  /** Blocks while the main thread is behind with earlier output. */
  consoleOutput(bytes: Uint8Array, length: number): void {
    this.#parts.output.write(bytes, length, this.#stopping);
  }

  readonly #stopping = () => this.control.request === REQUEST.stop;

  /** Does what the main thread has asked for; sleeps while paused. False when the vCPU is to stop. */
  serviceRequests(): boolean {
    const { control } = this;
    for (;;) {
      const wakes = control.wakes;
      const request = control.request;
      if (request === REQUEST.stop) return false;
      if (request === REQUEST.run) break;
      if (control.state !== VCPU_STATE.paused) control.enter(VCPU_STATE.paused, this.#parts.tid);
      control.sleep(wakes);
    }
    if (control.state !== VCPU_STATE.running) control.enter(VCPU_STATE.running, this.#parts.tid);
    return true;
  }

  /** Runs the guest until it ends or is stopped; undefined when stopped. */
  loop(platform: VcpuPlatform): GuestEnd | undefined {
    this.#platform = platform;
    const { fd } = this.#parts;
    const { control } = this;
    const { data, bytes } = this.run;
    this.run.syncAtExit(platform.syncedRegisters);
    while (this.serviceRequests()) {
      // Entered until a kick, or until the platform has it otherwise; only then requests are looked at.
      for (;;) {
        if (!platform.enter()) break;
        const error = ioctl(fd, kvmIoctl.KVM_RUN, 0) < 0 ? errno() : 0;
        control.inGuest = false;
        platform.left(error !== 0);
        if (error !== 0) {
          if (error !== EINTR && error !== EAGAIN) {
            this.end("emulation-failure", `KVM_RUN failed with ${errnoName(error)}`);
            return this.#ended();
          }
          this.count(COUNT.kick);
          Atomics.store(bytes, kvmRun.immediate_exit, 0);
          break;
        }
        this.#handle(data.getUint32(kvmRun.exit_reason, true));
        if (this.#end !== undefined) break;
      }
      if (this.#end !== undefined) return this.#ended();
    }
    return undefined;
  }

  #ended(): GuestEnd | undefined {
    const end = this.#end;
    if (end === undefined || !REPORTED.includes(end.reason)) return end;
    const { index, fd, memory } = this.#parts;
    const report = crashReport(index, fd, memory, this.#history);
    const detail = wasReset(report) ? [end.detail, RESET_NOTE].filter(Boolean).join("; ") : end.detail;
    return { ...end, ...(detail === undefined ? {} : { detail }), report };
  }

  #handle(reason: number): void {
    switch (reason) {
      case kvmExit.KVM_EXIT_IO:
        this.#portIo();
        break;
      case kvmExit.KVM_EXIT_MMIO:
        this.#mmio();
        break;
      case kvmExit.KVM_EXIT_HLT:
        this.count(COUNT.hlt);
        this.#record(reason, 0, 0, 0);
        this.#platform?.halt();
        break;
      case kvmExit.KVM_EXIT_X86_RDMSR:
      case kvmExit.KVM_EXIT_X86_WRMSR:
        this.#msr(reason);
        break;
      case kvmExit.KVM_EXIT_INTR:
      case kvmExit.KVM_EXIT_IRQ_WINDOW_OPEN:
      case kvmExit.KVM_EXIT_SET_TPR:
        this.count(COUNT.other);
        break;
      case kvmExit.KVM_EXIT_XEN:
        this.#platform?.hypercall();
        break;
      case kvmExit.KVM_EXIT_INTERNAL_ERROR:
        this.count(COUNT.other);
        if (this.#platform?.emulate(notEmulated(this.run)) !== true) this.#fail(reason);
        break;
      default:
        this.count(COUNT.other);
        this.#fail(reason);
    }
  }

  #fail(reason: number): void {
    this.#record(reason, 0, 0, 0);
    this.#end ??= fatalExit(reason, this.run);
  }

  /** Of a string instruction the history keeps the first item; the others follow from it. */
  #portIo(): void {
    this.count(COUNT.io);
    const { data, bytes } = this.run;
    const out = bytes[kvmRun.io.direction] === KVM_EXIT_IO_OUT;
    const size = bytes[kvmRun.io.size] ?? 1;
    const port = data.getUint16(kvmRun.io.port, true);
    const count = data.getUint32(kvmRun.io.count, true);
    const at = data.getUint32(kvmRun.io.data_offset, true);
    const device = this.#parts.ports.at(port);
    let value = 0;
    for (let i = 0; i < count; i++) {
      const item = at + i * size;
      if (out) {
        value =
          size === 1
            ? data.getUint8(item)
            : size === 2
              ? data.getUint16(item, true)
              : data.getUint32(item, true);
        if (i === 0) this.#record(kvmExit.KVM_EXIT_IO, port, (KVM_EXIT_IO_OUT << 8) | size, value);
        device.write(port, size, value);
      } else {
        value = device.read(port, size);
        if (i === 0) this.#record(kvmExit.KVM_EXIT_IO, port, size, value);
        if (size === 1) data.setUint8(item, value);
        else if (size === 2) data.setUint16(item, value, true);
        else data.setUint32(item, value, true);
      }
    }
  }

  #mmio(): void {
    this.count(COUNT.mmio);
    const { data, bytes } = this.run;
    const low = data.getInt32(kvmRun.mmio.phys_addr, true);
    const high = data.getInt32(kvmRun.mmio.phys_addr + 4, true);
    const length = data.getUint32(kvmRun.mmio.len, true);
    const write = bytes[kvmRun.mmio.is_write] === 1;
    this.#record(kvmExit.KVM_EXIT_MMIO, low, high, (write ? 1 << 8 : 0) | length);
    const there = this.#platform?.mmio(low, high, length, write) === true;
    // Like ports, absent memory reads all ones.
    if (!there && !write) bytes.fill(0xff, kvmRun.mmio.data, kvmRun.mmio.data + 8);
  }

  #msr(reason: number): void {
    this.count(COUNT.msr);
    const { data, bytes } = this.run;
    const index = data.getUint32(kvmRun.msr.index, true);
    const low = data.getInt32(kvmRun.msr.data, true);
    const high = data.getInt32(kvmRun.msr.data + 4, true);
    this.#record(reason, index, high, low);
    const write = reason === kvmExit.KVM_EXIT_X86_WRMSR;
    const known = write ? this.#platform?.writeMsr(index, high, low) : this.#platform?.readMsr(index);
    // 1: the guest gets the general protection fault of an MSR that does not exist.
    bytes[kvmRun.msr.error] = known === true ? 0 : 1;
  }

  #record(reason: number, a: number, b: number, c: number): void {
    const { run } = this;
    this.#history.record(reason, a, b, c, run.regLow(REG.rip), run.regHigh(REG.rip));
  }
}

function wasReset({ rip, registers }: CrashReport): boolean {
  return rip === "0xfff0" && registers.cs_base === "0xffff0000";
}
