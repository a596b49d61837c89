import { ACPI_RESET_PORT, AcpiPm, PM1A_CONTROL_PORT, PM1A_EVENT_PORT } from "../devices/acpi-pm.ts";
import { DEBUG_PORT, debugPort } from "../devices/debug-port.ts";
import { I8042_COMMAND_PORT, i8042 } from "../devices/i8042.ts";
import type { PortBus } from "../devices/port-bus.ts";
import { SERIAL_PORT, SERIAL_PORTS, Serial16550 } from "../devices/serial-16550.ts";
import { sciLine, serialLine } from "../platform-bare/interrupts.ts";
import { Doorbell } from "../shared/doorbell.ts";
import type { VcpuSetup } from "./setup.ts";
import type { VcpuThread } from "./thread.ts";

/** Puts the devices of the machine on a vCPU's bus. */
export function attachDevices(ports: PortBus, vcpu: VcpuThread, setup: VcpuSetup): void {
  const { shared, platform, vmFd } = setup;
  const doorbell = new Doorbell(shared.doorbell);
  const byte = new Uint8Array(1);
  const output = (value: number) => {
    byte[0] = value;
    vcpu.consoleOutput(byte, 1);
  };
  ports.attach(DEBUG_PORT, 1, debugPort(output));
  const bare = platform.kind === "bare";
  const serial = new Serial16550(shared.serial, {
    output,
    inputTaken: () => doorbell.ring(),
    irq: bare ? serialLine(vmFd) : () => {},
  });
  ports.attach(SERIAL_PORT, SERIAL_PORTS, serial);
  if (!bare) return;

  const acpi = new AcpiPm(shared.acpi, {
    poweroff: () => vcpu.end("poweroff"),
    reboot: () => vcpu.end("reboot"),
    sci: sciLine(vmFd),
  });
  ports.attach(PM1A_EVENT_PORT, 4, acpi);
  ports.attach(PM1A_CONTROL_PORT, 2, acpi);
  ports.attach(ACPI_RESET_PORT, 1, acpi);
  ports.attach(
    I8042_COMMAND_PORT,
    1,
    i8042(() => vcpu.end("reboot")),
  );
}
