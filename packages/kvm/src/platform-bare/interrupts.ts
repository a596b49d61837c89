import { kvmIrqLevel } from "@pvh/abi";
import { SERIAL_IRQ } from "../devices/serial-16550.ts";
import { kvmCallWith } from "../host/kvm.ts";

/** IRQ of ACPI's system control interrupt. */
export const SCI_IRQ = 9;

/** Sets a line of the in-kernel interrupt controllers; from any thread. */
function irqLine(vmFd: number, irq: number): (asserted: boolean) => void {
  const high = kvmIrqLevel.encode({ irq, level: 1 });
  const low = kvmIrqLevel.encode({ irq, level: 0 });
  return (asserted) => {
    kvmCallWith(vmFd, "KVM_IRQ_LINE", asserted ? high : low);
  };
}

export function serialLine(vmFd: number): (asserted: boolean) => void {
  return irqLine(vmFd, SERIAL_IRQ);
}

export function sciLine(vmFd: number): (asserted: boolean) => void {
  return irqLine(vmFd, SCI_IRQ);
}
