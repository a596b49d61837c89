import { PAGE_SIZE } from "@pvh/abi";
import type { ExtraMemory, RamView } from "../guest-memory.ts";
import { EXTRA_PAGES, extraPageOffset, type XenHeap } from "./heap.ts";

const FREE = 0;
const COUNT = 0;
const FRAMES = 1;

type MutableView = { -readonly [K in keyof RamView]: RamView[K] };

/** Pages of the guest outside its RAM: which frame each of the heap's extra pages stands at. */
export class ExtraPages implements ExtraMemory {
  static readonly size = (FRAMES + EXTRA_PAGES) * 4 + EXTRA_PAGES;
  readonly #words: Int32Array;
  readonly #types: Uint8Array;
  readonly #heap: XenHeap;
  readonly #buffer: ArrayBuffer;
  readonly #views: MutableView[] = [];

  /** `buffer` is this thread's view of the heap. */
  constructor(shared: SharedArrayBuffer, heap: XenHeap, buffer: ArrayBuffer) {
    this.#words = new Int32Array(shared, 0, FRAMES + EXTRA_PAGES);
    this.#types = new Uint8Array(shared, (FRAMES + EXTRA_PAGES) * 4, EXTRA_PAGES);
    this.#heap = heap;
    this.#buffer = buffer;
  }

  find(gpa: number, length: number): RamView | undefined {
    const offset = gpa % PAGE_SIZE;
    if (offset + length > PAGE_SIZE || gpa < 0) return undefined;
    const index = this.indexOf((gpa - offset) / PAGE_SIZE);
    return index < 0 ? undefined : this.#view(index, gpa - offset);
  }

  /** The extra page that stands at a frame, or -1. */
  indexOf(gfn: number): number {
    const count = Atomics.load(this.#words, COUNT);
    const key = (gfn + 1) | 0;
    for (let i = 0; i < count; i++) if (this.#words[FRAMES + i] === key) return i;
    return -1;
  }

  /** A page that stands nowhere yet, or -1. */
  free(): number {
    for (let i = 0; i < EXTRA_PAGES; i++) if (this.#words[FRAMES + i] === FREE) return i;
    return -1;
  }

  place(index: number, gfn: number, type: number): void {
    this.#types[index] = type;
    Atomics.store(this.#words, FRAMES + index, (gfn + 1) | 0);
    if (index >= Atomics.load(this.#words, COUNT)) Atomics.store(this.#words, COUNT, index + 1);
  }

  release(index: number): void {
    Atomics.store(this.#words, FRAMES + index, FREE);
  }

  type(index: number): number {
    return this.#types[index] ?? 0;
  }

  setType(index: number, type: number): void {
    this.#types[index] = type;
  }

  #view(index: number, gpa: number): RamView {
    let view = this.#views[index];
    if (view === undefined) {
      const at = extraPageOffset(this.#heap, index);
      view = {
        gpa,
        end: gpa + PAGE_SIZE,
        address: Number(this.#heap.address) + at,
        bytes: new Uint8Array(this.#buffer, at, PAGE_SIZE),
        data: new DataView(this.#buffer, at, PAGE_SIZE),
        words: new Int32Array(this.#buffer, at, PAGE_SIZE / 4),
      };
      this.#views[index] = view;
    }
    view.gpa = gpa;
    view.end = gpa + PAGE_SIZE;
    return view;
  }
}
