/** A device on the I/O bus. `size` is 1, 2 or 4 bytes; values are unsigned. */
export interface PortDevice {
  read(port: number, size: number): number;
  write(port: number, size: number, value: number): void;
}

/** What stands where no device is: reads are all ones, writes are dropped. */
const absent: PortDevice = {
  read: (_port, size) => (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff),
  write: () => {},
};

/** The 65536 I/O ports of a machine. */
export class PortBus {
  readonly #devices: PortDevice[] = [absent];
  readonly #byPort = new Uint8Array(0x10000);

  /** @throws RangeError when one of the ports is taken. */
  attach(first: number, count: number, device: PortDevice): void {
    const index = this.#devices.push(device) - 1;
    for (let port = first; port < first + count; port++) {
      if (this.#byPort[port] !== 0) throw new RangeError(`port 0x${port.toString(16)} has a device already`);
      this.#byPort[port] = index;
    }
  }

  /** The device at a port; never undefined. */
  at(port: number): PortDevice {
    return this.#devices[this.#byPort[port & 0xffff] ?? 0] ?? absent;
  }
}
