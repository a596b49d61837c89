// Runs vitest projects and ends with the line `N passed, N failed[, N skipped]`.
//   node scripts/test.mjs unit processes machine
//   node scripts/test.mjs emulated [NAME...]      project machine, or its suites of that name, on emulated hosts
//   node scripts/test.mjs --total                 adds up what ran since .cache/test-results was removed
// Results also go to .cache/test-results/NAME.json. With PVH_KVM_SUITES=emulated, which .ci/run sets where there is no
// usable /dev/kvm, project machine is left to `emulated`; `--total` fails when a test file ran nowhere, or twice.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const results = join(root, ".cache/test-results");
const [what, ...more] = process.argv.slice(2);
// What starts Node again and again compiles it once; emulated hosts use what was compiled here.
process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/pvh/compile");

if (what === "--total") {
  const files = readdirSync(results).map((file) => join(results, file));
  const strays = filesNotRunOnce(files);
  for (const { file, times } of strays) console.log(`ran ${times} times: ${file}`);
  process.exit(total(files, strays.length));
}
mkdirSync(results, { recursive: true });
process.exit(what === "emulated" ? emulated(more) : projects([what, ...more]));

function projects(names) {
  const here = process.env.PVH_KVM_SUITES === "emulated" ? names.filter((name) => name !== "machine") : names;
  const status = run(here.join("-"), (file) => [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...here.flatMap((project) => ["--project", project]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ]);
  if (here.length < names.length)
    console.log("not among them: project machine, which npm run e2e:machine runs on emulated hosts");
  return status;
}

function emulated(names) {
  return run("emulated", (file) => [join(root, "e2e/hosts/emulated-suites.ts"), file, ...names]);
}

function run(name, command) {
  const file = join(results, `${name}.json`);
  rmSync(file, { force: true });
  const { status } = spawnSync(process.execPath, command(file), { cwd: root, stdio: "inherit" });
  const failed = total([file]);
  return status === 0 && failed === 0 ? 0 : 1;
}

function total(files, alsoFailed = 0) {
  let passed = 0;
  let failed = alsoFailed;
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
    // A file that cannot be loaded, or whose hooks fail, has no failed test to count.
    failed += report.testResults.filter(
      (suite) =>
        suite.status === "failed" && !suite.assertionResults.some(({ status }) => status === "failed"),
    ).length;
  }
  const skippedInCi = skipped > 0 && process.env.CI === "true";
  if (skippedInCi) console.log("In CI nothing may be skipped.");
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 || skippedInCi ? 1 : 0;
}

function filesNotRunOnce(reports) {
  const ran = reports.flatMap((name) =>
    JSON.parse(readFileSync(name, "utf8")).testResults.map((suite) => relative(root, suite.name)),
  );
  const exclude = (path) => path.endsWith("node_modules") || path.endsWith("dist");
  const there = globSync("{packages,apps,e2e}/**/*.test.ts", { cwd: root, exclude });
  return [...new Set([...there, ...ran])]
    .map((file) => ({ file, times: ran.filter((other) => other === file).length }))
    .filter(({ times }) => times !== 1);
}
