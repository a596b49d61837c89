import { expect, test } from "vitest";
import type { JsonTestResult } from "vitest/node";
import {
  afterFailure,
  batches,
  hasFailed,
  lostResult,
  report,
  resultsOf,
} from "../../hosts/suite-batches.ts";

function result(name: string, statuses: ("passed" | "failed" | "skipped")[]): JsonTestResult {
  return {
    ...lostResult(name, ""),
    status: statuses.includes("failed") ? "failed" : "passed",
    assertionResults: statuses.map((status) => ({
      status,
      ancestorTitles: [],
      fullName: status,
      title: status,
      meta: {},
      failureMessages: null,
      tags: [],
      benchmarks: [],
    })),
  };
}

test("large files stand alone and first, small ones together, and none is lost", () => {
  const files = [3, 100, 2, 60, 1, 30, 4].map((weight) => ({ path: `f${weight}`, weight }));
  const groups = batches(files, 2);
  expect(groups.map((group) => group.files)).toEqual([["f100"], ["f60"], ["f30"], ["f4", "f3", "f2", "f1"]]);
  expect(groups.every(({ repeated }) => !repeated)).toBe(true);
});

test("a file without a result counts as one that failed", () => {
  const results = resultsOf(["/a", "/b"], [result("/a", ["passed"])]);
  expect(results.map(({ name }) => name)).toEqual(["/a", "/b"]);
  expect(results.map(hasFailed)).toEqual([false, true]);
});

test("a file whose hook failed has failed, though none of its tests has", () => {
  expect(hasFailed({ ...result("/a", ["skipped"]), status: "failed" })).toBe(true);
});

test("a file that was repeated has passed, and says how it had failed", () => {
  const first = result("/a", ["failed", "passed"]);
  for (const one of first.assertionResults) one.fullName = "a test";
  first.assertionResults.pop();
  for (const one of first.assertionResults) one.failureMessages = ["once"];
  const second = result("/a", ["passed", "passed"]);
  for (const [i, one] of second.assertionResults.entries()) one.fullName = ["a test", "another"][i] ?? "";
  const both = afterFailure(first, second);
  expect(hasFailed(both)).toBe(false);
  expect(both.assertionResults.map(({ failureMessages }) => failureMessages)).toEqual([["once"], []]);
  expect(afterFailure(lostResult("/a", "The host died."), second).message).toBe("The host died.");
});

test("a report counts every test once", () => {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = report([
    result("/a", ["passed", "skipped"]),
    result("/b", ["passed", "failed"]),
  ]);
  expect([numPassedTests, numFailedTests, numPendingTests, testResults.length]).toEqual([2, 1, 1, 2]);
});
