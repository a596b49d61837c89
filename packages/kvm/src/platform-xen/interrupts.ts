import { kvmIoctl, kvmRun, kvmSregs } from "@pvh/abi";
import { ioctl, ioctlPointer } from "../host/libc.ts";
import type { RunPage } from "../vcpu/run-page.ts";
import type { LocalApics } from "./local-apic/index.ts";
import type { Xen } from "./xen.ts";

const NONE = -1;
const CR4_PGE = 1 << 7;
const CR4 = kvmSregs.fields.cr4.offset;

/**
 * What interrupts a vCPU: event upcalls, the local APIC of direct guests, NMIs. Without an interrupt controller in the
 * kernel each is injected before the vCPU enters the guest, or the guest's next chance to take it is asked for.
 *
 * An upcall has level semantics: as long as evtchn_upcall_pending is set it is due at every entry, whoever has set it,
 * and nobody acknowledges it. evtchn_upcall_mask does not count in a hardware container.
 */
export class VcpuInterrupts {
  readonly #vcpu: number;
  readonly #fd: number;
  readonly #run: RunPage;
  readonly #xen: Xen;
  readonly #apics: LocalApics | undefined;
  /** `struct kvm_interrupt` */
  readonly #vector = new Uint32Array(1);
  readonly #argument = new Uint8Array(this.#vector.buffer);

  constructor(vcpu: number, fd: number, run: RunPage, xen: Xen, apics: LocalApics | undefined) {
    this.#vcpu = vcpu;
    this.#fd = fd;
    this.#run = run;
    this.#xen = xen;
    this.#apics = apics;
  }

  /** Whether something waits that would end HLT. */
  waiting(): boolean {
    const state = this.#xen.vcpus[this.#vcpu];
    if (state === undefined) return false;
    if (state.nmi || (this.#upcallPending && state.upcallVector === 0)) return true;
    return (this.#apics?.pendingVector(this.#vcpu) ?? NONE) !== NONE;
  }

  /** The guest has interrupts enabled. */
  get enabled(): boolean {
    return this.#run.bytes[kvmRun.if_flag] === 1;
  }

  /** Before each entry into the guest. */
  inject(): void {
    const { bytes, data } = this.#run;
    const state = this.#xen.vcpus[this.#vcpu];
    if (state === undefined) return;
    if (state.takeNmi()) ioctl(this.#fd, kvmIoctl.KVM_NMI, 0);

    let vector = NONE;
    let apic: LocalApics | undefined;
    if (this.#upcallPending && state.upcallVector === 0) vector = this.#xen.state.callbackVector || NONE;
    if (vector === NONE && this.#apics !== undefined) {
      apic = this.#apics;
      vector = apic.pendingVector(this.#vcpu);
    }
    if (this.#apics !== undefined) data.setUint32(kvmRun.cr8, this.#apics.tpr(this.#vcpu) >> 4, true);
    if (vector === NONE) {
      bytes[kvmRun.request_interrupt_window] = 0;
    } else if (bytes[kvmRun.ready_for_interrupt_injection] === 1) {
      this.#vector[0] = apic?.accept(this.#vcpu, vector) ?? vector;
      ioctlPointer(this.#fd, kvmIoctl.KVM_INTERRUPT, this.#argument);
      // KVM says anew at the next exit whether it takes another.
      bytes[kvmRun.ready_for_interrupt_injection] = 0;
      bytes[kvmRun.request_interrupt_window] = 0;
    } else {
      bytes[kvmRun.request_interrupt_window] = 1;
    }
  }

  /** After each exit: the guest changes the task priority by CR8 without one. */
  takePriority(): void {
    const apics = this.#apics;
    if (apics === undefined) return;
    apics.setTpr(this.#vcpu, this.#run.data.getUint32(kvmRun.cr8, true) & 0xf);
  }

  get #upcallPending(): boolean {
    const info = this.#xen.infos.of(this.#vcpu);
    return info.bytes[info.at] !== 0;
  }
}

const sregs = new Uint8Array(kvmSregs.size);
const sregsView = new DataView(sregs.buffer);

/**
 * Makes a vCPU forget its translations. KVM has no call for it, but does so when paging changes: CR4.PGE is flipped and
 * flipped back. Only from the vCPU's own thread.
 */
export function flushVcpuTlb(fd: number): void {
  if (ioctlPointer(fd, kvmIoctl.KVM_GET_SREGS, sregs) < 0) return;
  const cr4 = sregsView.getUint32(CR4, true);
  sregsView.setUint32(CR4, cr4 ^ CR4_PGE, true);
  ioctlPointer(fd, kvmIoctl.KVM_SET_SREGS, sregs);
  sregsView.setUint32(CR4, cr4, true);
  ioctlPointer(fd, kvmIoctl.KVM_SET_SREGS, sregs);
}
