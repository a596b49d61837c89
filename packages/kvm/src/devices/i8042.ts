import type { PortDevice } from "./port-bus.ts";

export const I8042_COMMAND_PORT = 0x64;
const PULSE_RESET = 0xfe;

/**
 * The one part of a keyboard controller that a machine without keyboard needs: the reset line.
 *
 * The status reads as ones except "input buffer full": a guest that wants to reset need not wait, and one that looks
 * for a keyboard sees an output buffer that never empties and gives up at once.
 */
export function i8042(reboot: () => void): PortDevice {
  return {
    read: () => 0xfd,
    write(_port, _size, value) {
      if ((value & 0xff) === PULSE_RESET) reboot();
    },
  };
}
