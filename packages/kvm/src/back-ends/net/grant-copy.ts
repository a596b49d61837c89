import { PAGE_SIZE } from "@pvh/abi";
import type { BackEndHost } from "../host.ts";

/**
 * Copies between pages that the guest has granted and buffers of our own, one page at a time. False when the guest has
 * not granted the access, the page is not RAM, or the range leaves the page; then nothing is copied.
 */
export class GrantCopy {
  readonly #host: Pick<BackEndHost, "grants" | "memory">;

  constructor(host: Pick<BackEndHost, "grants" | "memory">) {
    this.#host = host;
  }

  /** From the guest's page to `into`. */
  read(ref: number, offset: number, size: number, into: Uint8Array, at: number): boolean {
    if (offset + size > PAGE_SIZE) return false;
    const { grants, memory } = this.#host;
    const gpa = grants.begin(ref, false);
    if (gpa < 0) return false;
    const slot = memory.find(gpa + offset, size);
    if (slot !== undefined) {
      const from = gpa + offset - slot.gpa;
      into.set(slot.bytes.subarray(from, from + size), at);
    }
    grants.end(ref, false);
    return slot !== undefined;
  }

  /** From `from` to the start of the guest's page. */
  write(ref: number, from: Uint8Array, at: number, size: number): boolean {
    if (size > PAGE_SIZE) return false;
    const { grants, memory } = this.#host;
    const gpa = grants.begin(ref, true);
    if (gpa < 0) return false;
    const slot = memory.find(gpa, size);
    if (slot !== undefined) slot.bytes.set(from.subarray(at, at + size), gpa - slot.gpa);
    grants.end(ref, true);
    return slot !== undefined;
  }
}
