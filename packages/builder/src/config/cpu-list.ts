import { PvhError } from "@pvh/errors";
import type { ProblemParams } from "./key.ts";
import { shown } from "./shown.ts";

/** Above what any Xen counts. */
const MAX_CPUS = 16384;
export const MAX_CPU_LIST = 4096;
export const CPU_LIST_ALLOWED = 'CPUs of the host such as "all", "2", "0-3" or "0-7,^4"';

/**
 * The CPUs that a text names, of a host that has the CPUs 0 to `count - 1`: numbers, ranges and `all` with commas between;
 * `^` takes away from what stands before. What the host does not have is left out, as in xl.
 *
 * @param text that {@link cpuListProblem} finds nothing wrong with
 */
export function cpusOfList(text: string, count: number): Set<number> {
  const read = readParts(text);
  return "parts" in read ? select(read.parts, count) : new Set();
}

/** The shortest text for a set of a host's CPUs. */
export function listOfCpus(cpus: ReadonlySet<number>, count: number): string {
  const sorted = [...cpus].filter((cpu) => cpu < count).sort((a, b) => a - b);
  if (sorted.length === count) return "all";
  const ranges: [first: number, last: number][] = [];
  for (const cpu of sorted) {
    const range = ranges.at(-1);
    if (range?.[1] === cpu - 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** What is wrong with a text of CPUs, as a sentence about `field`. */
export function cpuListProblem(
  field: string,
  text: string,
): (ProblemParams & { sentence: string }) | undefined {
  const read = readParts(text);
  if ("parts" in read) return undefined;
  return {
    code: read.unsupported === true ? "CONFIG_KEY_UNSUPPORTED" : "CONFIG_INVALID",
    sentence: `${field} is ${shown(text)}, which ${read.why}`,
    allowed: CPU_LIST_ALLOWED,
  };
}

/** @throws PvhError CONFIG_INVALID or CONFIG_KEY_UNSUPPORTED */
export function requireCpuList(field: string, value: unknown): string {
  const found = shown(value);
  if (typeof value !== "string") {
    throw new PvhError("CONFIG_INVALID", `${field} is ${found}; it must be ${CPU_LIST_ALLOWED}.`, {
      field,
      found,
      allowed: CPU_LIST_ALLOWED,
    });
  }
  const problem = cpuListProblem(field, value);
  if (problem === undefined) return value;
  throw new PvhError(problem.code, `${problem.sentence}.`, { field, found, allowed: problem.allowed });
}

interface Part {
  exclude: boolean;
  first: number;
  last: number;
}

type Read = { parts: Part[] } | { why: string; unsupported?: boolean };

function readParts(text: string): Read {
  if (text.length > MAX_CPU_LIST) return { why: `is longer than ${MAX_CPU_LIST} characters` };
  const parts: Part[] = [];
  for (const word of text.split(",").map((piece) => piece.trim())) {
    if (/^\^?nodes?:/.test(word))
      return { why: "names NUMA nodes, which are not implemented yet; name CPUs", unsupported: true };
    if (word === "^all") return { why: "takes all CPUs away" };
    if (word === "all") {
      parts.push({ exclude: false, first: 0, last: MAX_CPUS - 1 });
      continue;
    }
    const [, caret, begin, end = begin] = /^(\^?)([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(word) ?? [];
    if (begin === undefined) return { why: `has ${shown(word)} where a CPU or a range of CPUs is right` };
    const [first, last] = [Number(begin), Number(end)];
    if (last >= MAX_CPUS) return { why: `has ${shown(word)}, but no host has a CPU above ${MAX_CPUS - 1}` };
    if (last < first) return { why: `has the range ${shown(word)}, which ends before it begins` };
    parts.push({ exclude: caret === "^", first, last });
  }
  return select(parts, MAX_CPUS).size === 0 ? { why: "leaves no CPU" } : { parts };
}

/** One part after the other, so that `^2,0-3` has CPU 2 and `0-3,^2` has not. */
function select(parts: readonly Part[], count: number): Set<number> {
  const chosen = new Uint8Array(count);
  for (const { exclude, first, last } of parts) chosen.fill(exclude ? 0 : 1, first, last + 1);
  return new Set([...chosen.keys()].filter((cpu) => chosen[cpu] === 1));
}
