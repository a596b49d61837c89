import { LEGACY_MAX_VCPUS, PAGE_SIZE } from "@pvh/abi";
import type { GuestMemory } from "../guest-memory.ts";
import { sharedInfoOffset } from "./heap.ts";
import { VCPU_INFO_SIZE } from "./shared-info-layout.ts";
import type { VcpuState } from "./vcpu-state.ts";

/** Where a structure is: `at` is a byte offset in all three views. */
export interface Located {
  bytes: Uint8Array;
  words: Int32Array;
  data: DataView;
  at: number;
}

/** Each vCPU's vcpu_info, wherever the guest has put it; looked up anew only when it has moved. */
export class VcpuInfos {
  readonly #memory: GuestMemory;
  readonly #heap: Located;
  readonly #states: readonly VcpuState[];
  readonly #found: Located[];
  readonly #versions: number[];

  /** `heap` is this thread's view of the hypervisor's pages. */
  constructor(memory: GuestMemory, heap: ArrayBuffer, states: readonly VcpuState[]) {
    this.#memory = memory;
    this.#heap = locate(heap, sharedInfoOffset());
    this.#states = states;
    this.#found = states.map(() => ({ ...this.#heap }));
    this.#versions = states.map(() => -1);
  }

  /** shared_info itself. */
  get shared(): Located {
    return this.#heap;
  }

  of(vcpu: number): Located {
    const state = this.#states[vcpu];
    const found = this.#found[vcpu] ?? nowhere;
    if (state === undefined) return nowhere;
    const version = state.infoVersion;
    if (this.#versions[vcpu] === version) return found;
    this.#versions[vcpu] = version;
    this.#find(vcpu, state, found);
    return found;
  }

  #find(vcpu: number, state: VcpuState, into: Located): void {
    const frame = state.infoFrame;
    const slot = frame < 0 ? undefined : this.#memory.find(frame * PAGE_SIZE, PAGE_SIZE);
    if (slot !== undefined) {
      into.bytes = slot.bytes;
      into.words = slot.words;
      into.data = slot.data;
      into.at = frame * PAGE_SIZE - slot.gpa + state.infoOffset;
    } else if (frame < 0 && vcpu < LEGACY_MAX_VCPUS) {
      Object.assign(into, this.#heap);
      into.at = this.#heap.at + vcpu * VCPU_INFO_SIZE;
    } else {
      Object.assign(into, nowhere);
    }
  }
}

function locate(buffer: ArrayBuffer, at: number): Located {
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer), data: new DataView(buffer), at };
}

/** Stands for a vcpu_info that the guest has taken away; what is written here nobody reads. */
const nowhere = locate(new ArrayBuffer(PAGE_SIZE), 0);

/** Sets a byte to 1 in one step with respect to the guest. Returns whether it was 0. */
export function setByte(words: Int32Array, at: number): boolean {
  const shift = (at & 3) * 8;
  return ((Atomics.or(words, (at - (at & 3)) / 4, 1 << shift) >> shift) & 0xff) === 0;
}

/** Sets a bit of a bitmap that begins at byte `base`. Returns whether it was clear. */
export function setBit(words: Int32Array, base: number, bit: number): boolean {
  const mask = 1 << (bit & 31);
  return (Atomics.or(words, base / 4 + (bit >> 5), mask) & mask) === 0;
}

export function clearBit(words: Int32Array, base: number, bit: number): boolean {
  const mask = 1 << (bit & 31);
  return (Atomics.and(words, base / 4 + (bit >> 5), ~mask) & mask) !== 0;
}

export function testBit(words: Int32Array, base: number, bit: number): boolean {
  return (Atomics.load(words, base / 4 + (bit >> 5)) & (1 << (bit & 31))) !== 0;
}
