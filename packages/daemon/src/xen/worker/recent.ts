/** How long memory is kept that nobody uses. */
const KEPT_MS = 30_000;

/** Memory that was touched is much quicker to read into than fresh memory. */
export class Scratch {
  #bytes = new Uint8Array(0);

  readonly allocate = (size: number): Uint8Array => {
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(size);
    return this.#bytes.subarray(0, size);
  };

  free(): void {
    this.#bytes = new Uint8Array(0);
  }
}

/** What was made of a file last, and the memory that it is in; both go when they were not used for a while. */
export class Recent<T> {
  readonly #scratches: readonly Scratch[];
  #last: { key: string; value: T } | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(...scratches: Scratch[]) {
    this.#scratches = scratches;
  }

  /**
   * @param key tells what it is made of
   * @param make may use the memory: what was made of another file is not used any more
   */
  get(key: string, make: () => T): T {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#forget(), KEPT_MS).unref();
    if (this.#last?.key === key) return this.#last.value;
    this.#last = undefined;
    const value = make();
    this.#last = { key, value };
    return value;
  }

  #forget(): void {
    this.#last = undefined;
    for (const scratch of this.#scratches) scratch.free();
  }
}
