import type { Stage, StageTiming } from "../protocol.ts";

/** The named, timed stages of creating a domain. */
export class Stages {
  readonly finished: StageTiming[] = [];
  readonly #signal: AbortSignal;
  readonly #onFinished: (stage: StageTiming) => void;

  constructor(signal: AbortSignal, onFinished: (stage: StageTiming) => void) {
    this.#signal = signal;
    this.#onFinished = onFinished;
  }

  /** Throws instead when the domain is over already. */
  async run<T>(name: Stage, work: () => T | Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const start = performance.now();
    const result = await work();
    const timing = { name, ms: Math.round((performance.now() - start) * 1000) / 1000 };
    this.finished.push(timing);
    this.#onFinished(timing);
    return result;
  }
}
