import type { DomainState } from "./domain-state.ts";
import type { EventAbi } from "./event-abi.ts";
import { NARROW, type SharedInfoLayout, WIDE } from "./shared-info-layout.ts";
import { clearBit, setBit, testBit, type VcpuInfos } from "./vcpu-infos.ts";

/** The 2-level ABI: bitmaps in shared_info, and in vcpu_info one bit for each word of them. */
export class TwoLevelEvents implements EventAbi {
  readonly #state: DomainState;
  readonly #infos: VcpuInfos;

  constructor(state: DomainState, infos: VcpuInfos) {
    this.#state = state;
    this.#infos = infos;
  }

  setPending(port: number, vcpu: number): boolean {
    const { words, at } = this.#infos.shared;
    const { pending, mask } = this.#layout;
    if (!setBit(words, at + pending, port)) return false;
    return !testBit(words, at + mask, port) && this.#select(port, vcpu);
  }

  clearPending(port: number): void {
    const { words, at } = this.#infos.shared;
    clearBit(words, at + this.#layout.pending, port);
  }

  unmask(port: number, vcpu: number): boolean {
    const { words, at } = this.#infos.shared;
    const { pending, mask } = this.#layout;
    return clearBit(words, at + mask, port) && testBit(words, at + pending, port) && this.#select(port, vcpu);
  }

  isMasked(port: number): boolean {
    const { words, at } = this.#infos.shared;
    return testBit(words, at + this.#layout.mask, port);
  }

  isPending(port: number): boolean {
    const { words, at } = this.#infos.shared;
    return testBit(words, at + this.#layout.pending, port);
  }

  /** There is one priority. */
  setPriority(): boolean {
    return false;
  }

  #select(port: number, vcpu: number): boolean {
    const { words, at } = this.#infos.of(vcpu);
    const { wordBits, pendingSelector } = this.#layout;
    return setBit(words, at + pendingSelector, Math.floor(port / wordBits));
  }

  get #layout(): SharedInfoLayout {
    return this.#state.shared32 ? NARROW : WIDE;
  }
}
