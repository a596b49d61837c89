import { MSR } from "@pvh/abi";
import { kvmCallWith } from "../host/kvm.ts";

const MTRR_DEF_TYPE = 0x2ff;

/** What firmware would have set up: fast strings on, all memory write-back. */
export const bareMsrs: ReadonlyMap<number, bigint> = new Map([
  [MSR.MISC_ENABLE, 1n],
  [MTRR_DEF_TYPE, 0xc06n],
]);

const LAPIC_SIZE = 1024;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const DELIVERY_EXTINT = 7 << 8;
const DELIVERY_NMI = 4 << 8;

/** The local APIC as firmware leaves it: LINT0 takes the PIC's interrupts, LINT1 is NMI. */
export function setLocalInterrupts(vcpuFd: number): void {
  const lapic = new Uint8Array(LAPIC_SIZE);
  kvmCallWith(vcpuFd, "KVM_GET_LAPIC", lapic);
  const view = new DataView(lapic.buffer);
  view.setUint32(LVT_LINT0, DELIVERY_EXTINT, true);
  view.setUint32(LVT_LINT1, DELIVERY_NMI, true);
  kvmCallWith(vcpuFd, "KVM_SET_LAPIC", lapic);
}
