import type { PortDevice } from "./port-bus.ts";

export const DEBUG_PORT = 0xe9;

/** The debug console of Bochs and QEMU: every byte written is output; reading gives 0xe9, by which guests find it. */
export function debugPort(output: (byte: number) => void): PortDevice {
  return {
    read: () => DEBUG_PORT,
    write(_port, size, value) {
      for (let i = 0; i < size; i++) output((value >>> (8 * i)) & 0xff);
    },
  };
}
