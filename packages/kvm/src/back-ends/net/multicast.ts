/** As many as xen-netback remembers for one front end. */
const MAX_ADDRESSES = 64;

/**
 * The multicast addresses a front end listens to. It may change the list at any time; the list is only applied when it
 * asked for that as it connected.
 */
export class MulticastFilter {
  readonly #addresses = new Set<number>();
  readonly #applied: boolean;

  constructor(applied: boolean) {
    this.#applied = applied;
  }

  /** `at` is where the six bytes are. False when the list is full. */
  add(bytes: Uint8Array, at: number): boolean {
    const address = macAt(bytes, at);
    if (!this.#addresses.has(address) && this.#addresses.size >= MAX_ADDRESSES) return false;
    this.#addresses.add(address);
    return true;
  }

  delete(bytes: Uint8Array, at: number): void {
    this.#addresses.delete(macAt(bytes, at));
  }

  /** Whether a packet whose destination is at `at` goes to the front end. Broadcasts always do. */
  passes(bytes: Uint8Array, at: number): boolean {
    if (!this.#applied || ((bytes[at] ?? 0) & 1) === 0) return true;
    const address = macAt(bytes, at);
    return address === BROADCAST || this.#addresses.has(address);
  }
}

const BROADCAST = 2 ** 48 - 1;

function macAt(bytes: Uint8Array, at: number): number {
  let address = 0;
  for (let i = 0; i < 6; i++) address = address * 256 + (bytes[at + i] ?? 0);
  return address;
}
