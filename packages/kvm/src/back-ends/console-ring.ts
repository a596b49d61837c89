import { xenconsInterface } from "@pvh/abi";
import type { GuestMemory, RamView } from "../guest-memory.ts";

const { in: input, out: output, in_cons, in_prod, out_cons, out_prod } = xenconsInterface.fields;

/** What has been read of the guest's output at once, so that a guest that never stops does not hold up everything else. */
const MAX_OUTPUT = output.size;

/**
 * The back end of the PV console (public/io/console.h): a ring for each direction in a page of the guest's memory. The
 * guest may write anything there at any time: indexes are read once and used modulo the size of the ring.
 */
export class ConsoleRing {
  readonly #memory: GuestMemory;
  readonly #gpa: number;

  constructor(memory: GuestMemory, gpa: number) {
    this.#memory = memory;
    this.#gpa = gpa;
  }

  /** What the guest has written since the last time; undefined when it is nothing. The guest is to be notified of a result. */
  takeOutput(): Uint8Array | undefined {
    const page = this.#page;
    if (page === undefined) return undefined;
    const at = this.#gpa - page.gpa;
    const end = Atomics.load(page.words, (at + out_prod.offset) / 4);
    const start = Atomics.load(page.words, (at + out_cons.offset) / 4);
    const length = (end - start) >>> 0;
    if (length === 0) return undefined;
    // More than there can be: the indexes are broken, and nothing in the ring is known to be output.
    const bytes = new Uint8Array(length > output.size ? 0 : Math.min(length, MAX_OUTPUT));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = page.bytes[at + output.offset + ((start + i) & (output.size - 1))] ?? 0;
    }
    Atomics.store(page.words, (at + out_cons.offset) / 4, end);
    return bytes;
  }

  /** Gives the guest input, as much as there is room for. Returns how many bytes that was; then the guest is to be notified. */
  putInput(bytes: Uint8Array): number {
    const page = this.#page;
    if (page === undefined) return 0;
    const at = this.#gpa - page.gpa;
    const end = Atomics.load(page.words, (at + in_prod.offset) / 4);
    const start = Atomics.load(page.words, (at + in_cons.offset) / 4);
    const used = (end - start) >>> 0;
    const count = Math.min(bytes.length, Math.max(0, input.size - used));
    for (let i = 0; i < count; i++) {
      page.bytes[at + input.offset + ((end + i) & (input.size - 1))] = bytes[i] ?? 0;
    }
    if (count > 0) Atomics.store(page.words, (at + in_prod.offset) / 4, end + count);
    return count;
  }

  get #page(): RamView | undefined {
    return this.#memory.find(this.#gpa, xenconsInterface.size);
  }
}
