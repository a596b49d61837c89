/** The last bytes of a stream, bounded. */
export class History {
  readonly #capacity: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    // Merged seldom, so that many small chunks cost neither much memory nor many copies.
    if (this.#length <= 2 * this.#capacity && this.#chunks.length <= 1024) return;
    const kept = this.bytes();
    this.#chunks = [kept];
    this.#length = kept.length;
  }

  /** At most the capacity, oldest first. */
  bytes(): Uint8Array {
    const all = Buffer.concat(this.#chunks);
    return all.length > this.#capacity ? Uint8Array.from(all.subarray(all.length - this.#capacity)) : all;
  }

  /** The last line that has something on it, without control characters; at most 200 characters. */
  lastLine(): string | undefined {
    const text = new TextDecoder().decode(this.bytes().slice(-4096));
    const lines = text.split(/[\r\n]+/).map((line) => line.replace(/\p{Cc}/gu, "").trim());
    return lines.findLast((line) => line !== "")?.slice(-200);
  }
}
