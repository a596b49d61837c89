import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/programs.ts";

/** Milliseconds of each run of each function, run in turns so that a busy machine is busy for all of them. */
export async function interleaved<K extends string>(
  rounds: number,
  functions: Record<K, () => unknown>,
): Promise<Record<K, number[]>> {
  const names = Object.keys(functions) as K[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const begin = performance.now();
      await functions[name]();
      times[name].push(performance.now() - begin);
    }
  }
  return times;
}

/** `q` from 0 (fastest) to 1 (slowest). */
export function quantile(times: number[], q: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export function compare(what: string, ours: number[], label: string, theirs: number[], unit = "ms"): string {
  const [mine, other] = [quantile(ours, 0), quantile(theirs, 0)];
  const median = quantile(ours, 0.5) / quantile(theirs, 0.5);
  return `${what}: best ${mine.toFixed(2)} ${unit}, ${label} ${other.toFixed(2)} ${unit}: ${(mine / other).toFixed(2)} x (medians ${median.toFixed(2)} x)`;
}

/** A Debian kernel that `npm run kernels` fetched. */
export function debianKernel(flavour: "amd64" | "cloud"): Uint8Array {
  const path = join(root, ".cache/kernels", flavour, "vmlinuz");
  if (!existsSync(path)) {
    throw new Error("the Debian kernels are missing; fetch them with: npm run kernels");
  }
  return readFileSync(path);
}
