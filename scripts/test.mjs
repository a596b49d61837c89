// Runs vitest projects and ends with the line `N passed, N failed[, N skipped]`.
//   node scripts/test.mjs unit machine
// Results also go to .cache/test-results/NAME.json, where .ci/run adds them up (`--total`).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const results = join(root, ".cache/test-results");
const [...projects] = process.argv.slice(2);

if (projects.includes("--total")) {
  process.exit(total(readdirSync(results).map((file) => join(results, file))));
}

mkdirSync(results, { recursive: true });
const file = join(results, `${projects.join("-")}.json`);
rmSync(file, { force: true });
const vitest = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...projects.flatMap((project) => ["--project", project]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ],
  { cwd: root, stdio: "inherit" },
);
const failed = total([file]);
process.exit(vitest.status === 0 && failed === 0 ? 0 : 1);

function total(files) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const name of files) {
    if (!existsSync(name)) {
      failed += 1; // a run that left no result crashed
      continue;
    }
    const report = JSON.parse(readFileSync(name, "utf8"));
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    skipped += report.numPendingTests + report.numTodoTests;
    // A file that cannot even be loaded has no tests to count.
    failed += report.testResults.filter(
      (suite) => suite.status === "failed" && suite.assertionResults.length === 0,
    ).length;
  }
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
