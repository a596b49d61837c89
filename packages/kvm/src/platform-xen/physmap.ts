import { PAGE_SIZE } from "@pvh/abi";
import { type RamSlot, trySetMemorySlot } from "../guest-memory.ts";
import { discardMemory, mapPageAt } from "../host/libc.ts";
import type { ExtraPages } from "./extra-pages.ts";
import { extraPageOffset, type XenHeap } from "./heap.ts";

/** What stands at a guest frame. */
export const FRAME = { none: 0, ram: 1, sharedInfo: 2, grantTable: 3, granted: 4 } as const;

/** Frames from here on are no guest's: 2^46 bytes of guest-physical addresses. */
const FRAME_LIMIT = 2 ** 34;
/** The local APIC's page, which has to reach the VMM. */
const APIC_FRAME = 0xfee00;
/** Slots of KVM before this number are RAM. */
const FIRST_EXTRA_SLOT = 16;
/** Pages in RAM that are not RAM cost the process mappings, of which the kernel gives it some 65000. */
const MAX_REPLACED = 4096;

export interface PhysmapParts {
  vmFd: number;
  ram: readonly RamSlot[];
  heap: XenHeap;
  extra: ExtraPages;
  /** One byte for each page of RAM, see {@link Physmap.size}. */
  types: SharedArrayBuffer;
}

/**
 * The guest's physical memory map (Xen's p2m): what stands at each frame, changed while the guest runs. Pages are exchanged
 * in the VMM's own address space, below KVM's slots, so every thread and the guest see a change at once.
 *
 * Whoever changes it holds the domain's lock.
 */
export class Physmap {
  readonly #parts: PhysmapParts;
  readonly #types: Uint8Array;
  readonly #replaced: Int32Array;

  /** Bytes of {@link PhysmapParts.types}. */
  static size(ram: readonly { size: number }[]): number {
    return 4 + ram.reduce((sum, { size }) => sum + size / PAGE_SIZE, 0);
  }

  constructor(parts: PhysmapParts) {
    this.#parts = parts;
    this.#replaced = new Int32Array(parts.types, 0, 1);
    this.#types = new Uint8Array(parts.types, 4);
  }

  /** Before the guest starts: the first pages of RAM are there, `pages` of them or all. Returns how many that are. */
  initialise(pages: number): number {
    const count = Math.min(pages, this.#types.length);
    this.#types.fill(FRAME.ram, 0, count);
    return count;
  }

  type(gfn: number): number {
    const index = this.#index(gfn);
    if (index >= 0) return this.#types[index] ?? FRAME.none;
    const extra = this.#parts.extra.indexOf(gfn);
    return extra < 0 ? FRAME.none : this.#parts.extra.type(extra);
  }

  /** The highest frame that RAM may stand at. */
  get lastFrame(): number {
    return Math.max(...this.#parts.ram.map(({ gpa, size }) => (gpa + size) / PAGE_SIZE)) - 1;
  }

  /** Gives a frame that has nothing a zeroed page. False when there is no room for it. */
  populate(gfn: number): boolean {
    const index = this.#index(gfn);
    if (index >= 0) {
      this.#types[index] = FRAME.ram;
      return true;
    }
    const free = this.#parts.extra.free();
    return free >= 0 && this.#placeExtra(free, gfn, FRAME.ram);
  }

  /** Takes away what stands at a frame; memory goes back to the host. */
  remove(gfn: number): void {
    const { extra, heap, vmFd } = this.#parts;
    const index = this.#index(gfn);
    if (index >= 0) {
      this.#restore(gfn, index);
      this.#types[index] = FRAME.none;
      return;
    }
    const page = extra.indexOf(gfn);
    if (page < 0) return;
    extra.release(page);
    trySetMemorySlot(vmFd, FIRST_EXTRA_SLOT + page, gfn * PAGE_SIZE, 0, heap.address);
    const at = extraPageOffset(heap, page);
    mapPageAt(Number(heap.address) + at, heap.fd, at);
    discardMemory(Number(heap.address) + at, PAGE_SIZE);
  }

  /** Puts the heap's page at byte `offset` at a frame, in the place of what stands there. */
  mapHeap(gfn: number, offset: number, type: number): boolean {
    return this.#put(gfn, this.#parts.heap.fd, offset, type);
  }

  /** Shows the RAM of frame `source` at another frame as well. */
  mapRam(gfn: number, source: number): boolean {
    const slot = this.#slot(source);
    if (slot === undefined || this.type(source) !== FRAME.ram) return false;
    return this.#put(gfn, slot.fd, source * PAGE_SIZE - slot.gpa, FRAME.granted);
  }

  #put(gfn: number, fd: number, offset: number, type: number): boolean {
    const { extra, heap } = this.#parts;
    const index = this.#index(gfn);
    if (index >= 0) {
      const slot = this.#slot(gfn);
      const replaces = (this.#types[index] ?? 0) <= FRAME.ram;
      if (slot === undefined || (replaces && (this.#replaced[0] ?? 0) >= MAX_REPLACED)) return false;
      const at = Number(slot.address) + gfn * PAGE_SIZE - slot.gpa;
      if (replaces) discardMemory(at, PAGE_SIZE);
      if (!mapPageAt(at, fd, offset)) return false;
      if (replaces) Atomics.add(this.#replaced, 0, 1);
      this.#types[index] = type;
      return true;
    }
    const before = extra.indexOf(gfn);
    const page = before >= 0 ? before : extra.free();
    if (page < 0 || !mapPageAt(Number(heap.address) + extraPageOffset(heap, page), fd, offset)) return false;
    if (before < 0) return this.#placeExtra(page, gfn, type);
    extra.setType(page, type);
    return true;
  }

  #placeExtra(page: number, gfn: number, type: number): boolean {
    const { extra, heap, vmFd } = this.#parts;
    if (gfn >= FRAME_LIMIT || gfn === APIC_FRAME) return false;
    const address = heap.address + BigInt(extraPageOffset(heap, page));
    if (!trySetMemorySlot(vmFd, FIRST_EXTRA_SLOT + page, gfn * PAGE_SIZE, PAGE_SIZE, address)) return false;
    extra.place(page, gfn, type);
    return true;
  }

  #restore(gfn: number, index: number): void {
    const slot = this.#slot(gfn);
    if (slot === undefined) return;
    const at = gfn * PAGE_SIZE - slot.gpa;
    if ((this.#types[index] ?? 0) > FRAME.ram) {
      mapPageAt(Number(slot.address) + at, slot.fd, at);
      Atomics.sub(this.#replaced, 0, 1);
    }
    discardMemory(Number(slot.address) + at, PAGE_SIZE);
  }

  #slot(gfn: number): RamSlot | undefined {
    const gpa = gfn * PAGE_SIZE;
    return this.#parts.ram.find((slot) => gpa >= slot.gpa && gpa < slot.gpa + slot.size);
  }

  #index(gfn: number): number {
    const gpa = gfn * PAGE_SIZE;
    let base = 0;
    for (const slot of this.#parts.ram) {
      if (gpa >= slot.gpa && gpa < slot.gpa + slot.size) return base + (gpa - slot.gpa) / PAGE_SIZE;
      base += slot.size / PAGE_SIZE;
    }
    return -1;
  }
}
