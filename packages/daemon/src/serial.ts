/** Runs tasks of the same key one after another, in the order they came; different keys do not wait for each other. */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail = result.catch(() => {});
    this.#tails.set(key, tail);
    // The entry goes with the last task, so that the map does not grow with every domain that ever was.
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** Resolves when everything that was queued by now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
