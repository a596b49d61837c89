import type { StageTiming } from "../../domain.ts";

export type Timed = <T>(name: string, work: () => T) => T;

/** Runs the named stages of a start and notes how long each took. */
export function timedStages(stages: StageTiming[]): Timed {
  return (name, work) => {
    const start = performance.now();
    const result = work();
    stages.push({ name, ms: Math.round((performance.now() - start) * 1000) / 1000 });
    return result;
  };
}
