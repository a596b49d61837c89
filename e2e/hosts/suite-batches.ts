import type { JsonTestResult } from "vitest/node";

/** Which suites an emulated host runs together, and what their results come to. Pure. */

export interface SuiteFile {
  /** Absolute. */
  path: string;
  /** Any measure of how long it takes, by comparison. */
  weight: number;
}

export interface Batch {
  files: string[];
  /** Whether its files failed before, on another host. */
  repeated: boolean;
}

/**
 * Groups files so that starting the test runner, some fifteen seconds there, is worth it, and so that `hosts` hosts
 * that take one group after the other end at about the same time: large files alone and first, small ones together.
 */
export function batches(files: readonly SuiteFile[], hosts: number): Batch[] {
  const total = files.reduce((sum, { weight }) => sum + weight, 0);
  const enough = total / (hosts * 4);
  const groups: { files: string[]; weight: number }[] = [];
  for (const { path, weight } of files.toSorted((a, b) => b.weight - a.weight)) {
    const last = groups.at(-1);
    if (last !== undefined && last.weight + weight <= enough) {
      last.files.push(path);
      last.weight += weight;
    } else {
      groups.push({ files: [path], weight });
    }
  }
  return groups.map((group) => ({ files: group.files, repeated: false }));
}

/** The result of a file that has none of its own: counts as one failure. */
export function lostResult(path: string, message: string): JsonTestResult {
  return { name: path, status: "failed", message, startTime: 0, endTime: 0, assertionResults: [] };
}

/** One result for each of the files, whatever the report holds. */
export function resultsOf(files: readonly string[], results: readonly JsonTestResult[]): JsonTestResult[] {
  return files.map(
    (file) =>
      results.find(({ name }) => name === file) ?? lostResult(file, "The test runner left no result."),
  );
}

export function hasFailed(result: JsonTestResult): boolean {
  return result.status !== "passed" || result.assertionResults.some(({ status }) => status === "failed");
}

/** The result of a file that was repeated, in which the failures of its first run can still be read. */
export function afterFailure(first: JsonTestResult, second: JsonTestResult): JsonTestResult {
  const before = new Map(
    first.assertionResults.map(({ fullName, failureMessages }) => [fullName, failureMessages ?? []]),
  );
  return {
    ...second,
    message: [first.message, second.message].filter((text) => text !== "").join("\n"),
    assertionResults: second.assertionResults.map((one) => ({
      ...one,
      failureMessages: [...(before.get(one.fullName) ?? []), ...(one.failureMessages ?? [])],
    })),
  };
}

/** The numbers that scripts/test.mjs adds up, as vitest's own report has them. */
export function report(testResults: JsonTestResult[]) {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (...wanted: string[]) => tests.filter(({ status }) => wanted.includes(status)).length;
  return {
    numPassedTests: count("passed"),
    numFailedTests: count("failed"),
    numPendingTests: count("skipped", "pending", "disabled"),
    numTodoTests: count("todo"),
    testResults,
  };
}
