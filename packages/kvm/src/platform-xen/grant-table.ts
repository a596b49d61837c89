import { GNTST, GTF, grantEntryV1, PAGE_SIZE } from "@pvh/abi";
import type { DomainState } from "./domain-state.ts";
import { grantFrameOffset, type XenHeap } from "./heap.ts";

export const ENTRIES_PER_FRAME = PAGE_SIZE / grantEntryV1.size;

/** Grants of its own that a guest may have mapped at a time, whatever its limit. */
const MAX_HANDLES = 1024;
const HANDLE_WORDS = 3;
const HANDLE_FREE = 0;

/** In the counter of an entry: one more reader, one more writer. */
const READER = 1;
const WRITER = 1 << 16;
/** No entry is in use more often at a time. */
const MAX_USES = 0x7ff0;

export interface GrantParts {
  state: DomainState;
  heap: XenHeap;
  /** This thread's view of the heap. */
  buffer: ArrayBuffer;
  shared: SharedArrayBuffer;
  /** Limit of the domain's handles. */
  maxMappings: number;
}

/** What a handle of GNTTABOP_map_grant_ref stands for. */
export interface GrantMapping {
  ref: number;
  gfn: number;
  write: boolean;
}

/**
 * The guest's grant table, version 1: entries in frames that the guest writes, and beside them how often each is in use.
 * {@link begin} and {@link end} take the domain's lock, so that a mark is never taken from under another user.
 */
export class GrantTable {
  readonly #state: DomainState;
  readonly #heap: XenHeap;
  readonly #words: Int32Array;
  readonly #uses: Int32Array;
  readonly #frames: Int32Array;
  readonly #handles: Int32Array;
  readonly #maxHandles: number;
  /** This thread holds the lock for more than one access. */
  #together = false;

  static size(maxFrames: number): number {
    return (maxFrames * ENTRIES_PER_FRAME + maxFrames + MAX_HANDLES * HANDLE_WORDS) * 4;
  }

  constructor({ state, heap, buffer, shared, maxMappings }: GrantParts) {
    this.#state = state;
    this.#heap = heap;
    const entries = heap.maxGrantFrames * ENTRIES_PER_FRAME;
    this.#words = new Int32Array(buffer, grantFrameOffset(0), entries * 2);
    this.#uses = new Int32Array(shared, 0, entries);
    this.#frames = new Int32Array(shared, entries * 4, heap.maxGrantFrames);
    this.#handles = new Int32Array(shared, (entries + heap.maxGrantFrames) * 4);
    this.#maxHandles = Math.min(MAX_HANDLES, maxMappings);
  }

  get maxFrames(): number {
    return this.#heap.maxGrantFrames;
  }

  /** Makes the table at least `frames` long. False when it may not be. */
  grow(frames: number): boolean {
    if (frames > this.maxFrames) return false;
    if (frames > this.#state.grantFrames) this.#state.grantFrames = frames;
    return true;
  }

  /** Where the guest has a frame of the table, or -1. */
  frameGfn(frame: number): number {
    return Atomics.load(this.#frames, frame) - 1;
  }

  setFrameGfn(frame: number, gfn: number): void {
    Atomics.store(this.#frames, frame, gfn + 1);
  }

  /** The frame of the table that stands at `gfn`, or -1. */
  frameAt(gfn: number): number {
    return this.#frames.indexOf(gfn + 1);
  }

  /** Writes an entry as the toolstack does before the guest runs. */
  seed(ref: number, domain: number, gfn: number): void {
    this.#words[ref * 2 + 1] = gfn;
    Atomics.store(this.#words, ref * 2, GTF.permit_access | (domain << 16));
  }

  /** The frame that an entry grants; only meaningful between begin and end. */
  frame(ref: number): number {
    return Atomics.load(this.#words, ref * 2 + 1) >>> 0;
  }

  /** Begins an access of `domain` and marks the entry in use. Returns a GNTST status; each success needs an {@link end}. */
  begin(ref: number, domain: number, write: boolean): number {
    if (!this.#valid(ref)) return GNTST.bad_gntref;
    this.#lock();
    const status = this.#begin(ref, domain, write);
    this.#unlock();
    return status;
  }

  /** Runs `work`, whose begins and ends take the domain's lock once for all. It must not wait, nor take the lock itself. */
  together<T>(work: () => T): T {
    this.#lock();
    this.#together = true;
    try {
      return work();
    } finally {
      this.#together = false;
      this.#unlock();
    }
  }

  #lock(): void {
    if (!this.#together) this.#state.lock.lock();
  }

  #unlock(): void {
    if (!this.#together) this.#state.lock.unlock();
  }

  #begin(ref: number, domain: number, write: boolean): number {
    const uses = this.#uses[ref] ?? 0;
    if ((uses & 0xffff) >= MAX_USES) return GNTST.no_space;
    const mark = write ? GTF.reading | GTF.writing : GTF.reading;
    for (;;) {
      const entry = Atomics.load(this.#words, ref * 2);
      const denied =
        (entry & GTF.type_mask) !== GTF.permit_access ||
        entry >>> 16 !== domain ||
        (write && (entry & GTF.readonly) !== 0);
      if (denied) return GNTST.general_error;
      if (Atomics.compareExchange(this.#words, ref * 2, entry, entry | mark) === entry) break;
    }
    this.#uses[ref] = uses + (write ? READER + WRITER : READER);
    return GNTST.okay;
  }

  /** The last user of a kind takes its mark away, so that the guest sees that it may revoke the grant. */
  end(ref: number, write: boolean): void {
    if (!this.#valid(ref)) return;
    this.#lock();
    const left = (this.#uses[ref] ?? 0) - (write ? READER + WRITER : READER);
    this.#uses[ref] = left;
    const clear = ((left & 0xffff) === 0 ? GTF.reading : 0) | (left >>> 16 === 0 ? GTF.writing : 0);
    if (clear !== 0) Atomics.and(this.#words, ref * 2, ~clear);
    this.#unlock();
  }

  /** Exchanges two entries that nobody uses. Returns a GNTST status. */
  swap(a: number, b: number): number {
    if (!this.#valid(a) || !this.#valid(b)) return GNTST.bad_gntref;
    if (a === b) return GNTST.okay;
    if (this.#uses[a] !== 0 || this.#uses[b] !== 0) return GNTST.eagain;
    for (const word of [0, 1]) {
      const kept = this.#words[a * 2 + word] ?? 0;
      this.#words[a * 2 + word] = this.#words[b * 2 + word] ?? 0;
      this.#words[b * 2 + word] = kept;
    }
    return GNTST.okay;
  }

  /** A handle for a mapping, or -1 when there are too many. Callers hold the domain's lock. */
  addHandle({ ref, gfn, write }: GrantMapping): number {
    for (let handle = 0; handle < this.#maxHandles; handle++) {
      const at = handle * HANDLE_WORDS;
      if (this.#handles[at] !== HANDLE_FREE) continue;
      this.#handles[at + 1] = ref;
      this.#handles[at + 2] = gfn;
      this.#handles[at] = write ? 2 : 1;
      return handle;
    }
    return -1;
  }

  handle(handle: number): GrantMapping | undefined {
    if (handle >= MAX_HANDLES) return undefined;
    const at = handle * HANDLE_WORDS;
    const kind = this.#handles[at] ?? HANDLE_FREE;
    if (kind === HANDLE_FREE) return undefined;
    return { ref: this.#handles[at + 1] ?? 0, gfn: (this.#handles[at + 2] ?? 0) >>> 0, write: kind === 2 };
  }

  removeHandle(handle: number): void {
    this.#handles[handle * HANDLE_WORDS] = HANDLE_FREE;
  }

  #valid(ref: number): boolean {
    return ref >= 0 && ref < this.#state.grantFrames * ENTRIES_PER_FRAME;
  }
}
