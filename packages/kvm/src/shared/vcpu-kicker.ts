import { kvmRun } from "@pvh/abi";
import { kick } from "../host/libc.ts";
import type { VcpuControl } from "./vcpu-control.ts";

/** Makes vCPUs look at what has changed for them, from any thread: ends their sleep or takes them out of the guest. */
export class VcpuKicker {
  readonly #controls: readonly VcpuControl[];
  readonly #runPages: readonly Uint8Array[];

  /** `runPages` are this thread's views of the vCPUs' kvm_run pages. */
  constructor(controls: readonly VcpuControl[], runPages: readonly Uint8Array[]) {
    this.#controls = controls;
    this.#runPages = runPages;
  }

  /** Cheap while the vCPU handles an exit: it looks before it enters the guest again. */
  wake(vcpu: number): void {
    const control = this.#controls[vcpu];
    if (control === undefined) return;
    control.wake();
    if (!control.inGuest) return;
    const page = this.#runPages[vcpu];
    // In this order: see VcpuThread.
    if (page !== undefined) Atomics.store(page, kvmRun.immediate_exit, 1);
    const { tid } = control;
    if (tid !== 0) kick(tid);
  }
}
