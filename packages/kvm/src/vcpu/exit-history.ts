import { KVM_EXIT_IO_OUT, kvmExit } from "@pvh/abi";
import { hex } from "@pvh/errors";

const LENGTH = 16;
const WORDS = 7;

const names = new Map<number, string>(Object.entries(kvmExit).map(([name, value]) => [value, name]));

/**
 * The last exits of a vCPU, kept as numbers so that recording one allocates nothing. Exits of the same kind in a row
 * (the characters of a line of output) take one place, with their number and the latest value.
 */
export class ExitHistory {
  readonly #words = new Int32Array(LENGTH * WORDS);
  #count = 0;

  /** `a`, `b`, `c`: see {@link describe}. `ripLow` and `ripHigh` are 0 where RIP is not known. */
  record(reason: number, a: number, b: number, c: number, ripLow: number, ripHigh: number): void {
    const words = this.#words;
    let at = ((this.#count + LENGTH - 1) % LENGTH) * WORDS;
    const same = this.#count > 0 && words[at] === reason && words[at + 1] === a && words[at + 2] === b;
    if (same) {
      words[at + 6] = (words[at + 6] ?? 0) + 1;
    } else {
      at = (this.#count % LENGTH) * WORDS;
      this.#count = this.#count === 2 * LENGTH - 1 ? LENGTH : this.#count + 1;
      words[at] = reason;
      words[at + 1] = a;
      words[at + 2] = b;
      words[at + 6] = 1;
    }
    words[at + 3] = c;
    words[at + 4] = ripLow;
    words[at + 5] = ripHigh;
  }

  /** One line for each, the latest last. */
  lines(): string[] {
    const lines: string[] = [];
    for (let i = Math.max(0, this.#count - LENGTH); i < this.#count; i++) {
      const at = (i % LENGTH) * WORDS;
      const entry = this.#words.subarray(at, at + WORDS);
      const [reason = 0, a = 0, b = 0, c = 0, ripLow = 0, ripHigh = 0, times = 1] = entry;
      const rip = (BigInt(ripHigh >>> 0) << 32n) | BigInt(ripLow >>> 0);
      const repeated = times === 1 ? "" : ` (the last of ${times >>> 0})`;
      lines.push(`${describe(reason, a, b, c)} at ${hex(rip)}${repeated}`);
    }
    return lines;
  }
}

export function exitName(reason: number): string {
  return names.get(reason) ?? `KVM exit ${reason}`;
}

function describe(reason: number, a: number, b: number, c: number): string {
  switch (reason) {
    case kvmExit.KVM_EXIT_IO: {
      // Port, size and direction, value of the first item.
      const size = b & 0xff;
      const bytes = size === 1 ? "1 byte" : `${size} bytes`;
      return b >> 8 === KVM_EXIT_IO_OUT
        ? `out ${hex(a)} ${bytes} = ${hex(c >>> 0)}`
        : `in ${hex(a)} ${bytes} -> ${hex(c >>> 0)}`;
    }
    case kvmExit.KVM_EXIT_MMIO:
      // Address as two halves, length and direction.
      return `${c >> 8 ? "write to" : "read from"} ${hex((BigInt(b >>> 0) << 32n) | BigInt(a >>> 0))}, ${c & 0xff} bytes`;
    case kvmExit.KVM_EXIT_X86_RDMSR:
      return `rdmsr ${hex(a >>> 0)}`;
    case kvmExit.KVM_EXIT_X86_WRMSR:
      return `wrmsr ${hex(a >>> 0)} = ${hex((BigInt(b >>> 0) << 32n) | BigInt(c >>> 0))}`;
    default:
      return exitName(reason);
  }
}
