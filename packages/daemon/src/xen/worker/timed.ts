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

/** Each stage once, with all the time that it took. */
export function mergedStages(stages: readonly StageTiming[]): StageTiming[] {
  const sums = new Map<string, number>();
  for (const { name, ms } of stages) sums.set(name, (sums.get(name) ?? 0) + ms);
  return [...sums].map(([name, ms]) => ({ name, ms }));
}
