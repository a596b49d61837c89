import { PAGE_SIZE, sring } from "@pvh/abi";
import type { GuestMemory } from "../guest-memory.ts";

const WORD = {
  reqProd: sring.fields.req_prod.offset / 4,
  reqEvent: sring.fields.req_event.offset / 4,
  rspProd: sring.fields.rsp_prod.offset / 4,
  rspEvent: sring.fields.rsp_event.offset / 4,
} as const;
const PAGE_WORDS = PAGE_SIZE / 4;
const HEADER_WORDS = sring.size / 4;

/** Words of guest memory that hold one page of a ring. */
interface RingPage {
  readonly words: Int32Array;
  /** The page's first word. */
  readonly at: number;
}

/** Entries that a ring of so many pages has. */
export function ringEntries(pages: number, entrySize: number): number {
  const entries = Math.floor((pages * PAGE_SIZE - sring.size) / entrySize);
  return 2 ** Math.floor(Math.log2(entries));
}

/**
 * A back end's end of a shared ring (public/io/ring.h). All of it can change at any time, so that requests are copied
 * out before they are looked at, and our own indices are never read back. It never throws on what stands in the ring.
 */
export class BackRing {
  /** Entries, a power of two. */
  readonly size: number;
  /** The request that {@link take} has taken. */
  readonly request: DataView;
  /** The response that {@link respond} puts; bytes beyond those written stay from the one before. */
  readonly response: DataView;
  readonly #requestWords: Int32Array;
  readonly #responseWords: Int32Array;
  readonly #pages: readonly RingPage[];
  readonly #indices: Int32Array;
  readonly #base: number;
  readonly #entryWords: number;
  /** Free-running; the guest's indices are compared with them modulo 2^32. */
  #consumed: number;
  #produced: number;
  #pushed: number;

  private constructor(pages: readonly RingPage[], first: RingPage, entrySize: number) {
    this.#pages = pages;
    this.#indices = first.words;
    this.#base = first.at;
    this.#entryWords = entrySize / 4;
    this.size = ringEntries(pages.length, entrySize);
    this.#requestWords = new Int32Array(this.#entryWords);
    this.#responseWords = new Int32Array(this.#entryWords);
    this.request = new DataView(this.#requestWords.buffer);
    this.response = new DataView(this.#responseWords.buffer);
    // As Linux does, so that a front end may keep its ring when it connects again.
    this.#produced = this.#load(WORD.rspProd);
    this.#consumed = this.#produced;
    this.#pushed = this.#produced;
  }

  /**
   * @param gpas guest-physical addresses of the ring's pages, at least one.
   * @param entrySize bytes, a multiple of 4.
   * @returns undefined when a page is not RAM.
   */
  static attach(memory: GuestMemory, gpas: readonly number[], entrySize: number): BackRing | undefined {
    const pages: RingPage[] = [];
    for (const gpa of gpas) {
      const slot = memory.find(gpa, PAGE_SIZE);
      if (slot === undefined) return undefined;
      pages.push({ words: slot.words, at: (gpa - slot.gpa) / 4 });
    }
    const first = pages[0];
    return first === undefined ? undefined : new BackRing(pages, first, entrySize);
  }

  /**
   * Requests that wait, or -1 when the guest's index cannot be: more requests than entries without a response, or
   * fewer than it has said before.
   */
  waiting(): number {
    const open = (this.#load(WORD.reqProd) - this.#produced) >>> 0;
    const taken = (this.#consumed - this.#produced) >>> 0;
    return open > this.size || open < taken ? -1 : open - taken;
  }

  /** Takes one request, which must be {@link waiting}, into {@link request}. */
  take(): void {
    const from = this.#entry(this.#consumed);
    for (let i = 0; i < this.#entryWords; i++) {
      const page = this.#pages[Math.floor((from + i) / PAGE_WORDS)];
      if (page !== undefined) this.#requestWords[i] = page.words[page.at + ((from + i) % PAGE_WORDS)] ?? 0;
    }
    this.#consumed = (this.#consumed + 1) | 0;
  }

  /** Puts the first `bytes` (a multiple of 4) of {@link response} as the next response; each request has one. */
  respond(bytes: number): void {
    const to = this.#entry(this.#produced);
    for (let i = 0; i < bytes / 4; i++) {
      const page = this.#pages[Math.floor((to + i) / PAGE_WORDS)];
      if (page !== undefined) page.words[page.at + ((to + i) % PAGE_WORDS)] = this.#responseWords[i] ?? 0;
    }
    this.#produced = (this.#produced + 1) | 0;
  }

  /** Makes the responses visible. True when the front end wants to be notified (RING_PUSH_RESPONSES_AND_CHECK_NOTIFY). */
  push(): boolean {
    const before = this.#pushed;
    const after = this.#produced;
    if (before === after) return false;
    this.#pushed = after;
    Atomics.store(this.#indices, this.#base + WORD.rspProd, after);
    return (after - this.#load(WORD.rspEvent)) >>> 0 < (after - before) >>> 0;
  }

  /**
   * Asks for a notification once `wanted` requests wait. True when they do already, or the index cannot be
   * (RING_FINAL_CHECK_FOR_REQUESTS).
   */
  finalCheck(wanted = 1): boolean {
    Atomics.store(this.#indices, this.#base + WORD.reqEvent, (this.#consumed + wanted) | 0);
    const waiting = this.waiting();
    return waiting < 0 || waiting >= wanted;
  }

  #load(word: number): number {
    return Atomics.load(this.#indices, this.#base + word);
  }

  /** The first word of an entry, counted from the ring's start. */
  #entry(index: number): number {
    return HEADER_WORDS + (index & (this.size - 1)) * this.#entryWords;
  }
}
