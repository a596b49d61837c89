import type { Stage, StageTiming } from "../protocol.ts";

/** The named, timed stages of creating a domain. */
export class Stages {
  readonly finished: StageTiming[] = [];
  readonly #onFinished: (stage: StageTiming) => void;

  constructor(onFinished: (stage: StageTiming) => void) {
    this.#onFinished = onFinished;
  }

  async run<T>(name: Stage, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    const timing = { name, ms: Math.round((performance.now() - start) * 1000) / 1000 };
    this.finished.push(timing);
    this.#onFinished(timing);
    return result;
  }
}
