import { libxcStream, type Piece } from "./libxc-stream.ts";
import { damaged } from "./problems.ts";

/**
 * Looks at libxenguest's stream while it comes in, so that libxenguest is never given the end of a record that is wrong: it
 * acts on whole records only. Keeps some kilobytes at most.
 */
export class StreamGuard {
  readonly #grammar: ReturnType<typeof libxcStream>;
  /** What comes next; undefined when the stream is over. */
  #piece: Piece | undefined;
  /** The beginning of it, when it has to be seen. */
  #held = Buffer.alloc(0);
  #filled = 0;
  #offset = 0;

  /** @param frames the guest's memory ends before this one */
  constructor(frames: number) {
    this.#grammar = libxcStream(frames);
    this.#advance(this.#grammar.next());
  }

  /** Whether all of it was there. */
  get whole(): boolean {
    return this.#piece === undefined;
  }

  /** @throws PvhError SAVED_FORMAT or SAVED_VERSION; `chunk` must not be passed on then */
  check(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#piece === undefined) throw damaged("something follows its end", this.#offset);
      const { bytes, seen } = this.#piece;
      const part = chunk.subarray(at, at + bytes - this.#filled);
      if (seen) this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      this.#offset += part.length;
      if (this.#filled === bytes) this.#advance(this.#grammar.next(this.#held));
    }
  }

  #advance(step: IteratorResult<Piece, unknown>): void {
    this.#piece = step.done === true ? undefined : step.value;
    this.#filled = 0;
    this.#held = Buffer.alloc(this.#piece?.seen === true ? this.#piece.bytes : 0);
  }
}
