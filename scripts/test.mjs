// Runs vitest projects and ends with the line `N passed, N failed[, N skipped]`.
//   node scripts/test.mjs unit processes machine
//   node scripts/test.mjs emulated [NAME...]      project machine, or its suites of that name, on emulated hosts
//   node scripts/test.mjs xen [NAME...]           project xen and the suites of e2e/xen/suites, or those of that name
//   node scripts/test.mjs --total                 adds up what ran since .cache/test-results was removed
// Results also go to .cache/test-results/NAME.json. With PVH_KVM_SUITES=emulated, which .ci/run sets where there is no
// usable /dev/kvm, project machine is left to `emulated`; `--total` fails when a test file ran nowhere, or twice.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
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
  for (const text of failures(files)) console.log(text);
  process.exit(total(files, strays.length));
}
mkdirSync(results, { recursive: true });
process.exit(
  await (what === "emulated" ? emulated(more) : what === "xen" ? xen(more) : projects([what, ...more])),
);

async function projects(names) {
  const here = process.env.PVH_KVM_SUITES === "emulated" ? names.filter((name) => name !== "machine") : names;
  const status = await run([[here.join("-"), (file) => vitest(here, file)]]);
  if (here.length < names.length)
    console.log("not among them: project machine, which npm run e2e:machine runs on emulated hosts");
  return status;
}

function emulated(names) {
  return run([["emulated", (file) => emulatedSuites("kvm", file, names)]]);
}

// Project xen starts hosts of its own; the suites run inside one. Each of these has one vCPU, and most machines have two.
function xen(names) {
  const some = (pattern) =>
    globSync(pattern, { cwd: root }).some(
      (path) => names.length === 0 || names.some((name) => basename(path).includes(name)),
    );
  const steps = [];
  if (some("e2e/xen/*.test.ts")) steps.push(["xen", (file) => [...vitest(["xen"], file), ...names]]);
  if (some("e2e/xen/suites/*.test.ts"))
    steps.push(["xen-suites", (file) => emulatedSuites("xen", file, names)]);
  return run(steps);
}

function vitest(names, file) {
  return [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...names.flatMap((name) => ["--project", name]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ];
}

function emulatedSuites(kind, file, names) {
  return [join(root, "e2e/hosts/emulated-suites.ts"), kind, file, ...names];
}

// Steps, all at once: a name and, for the file of its results, Node's arguments.
async function run(steps) {
  const files = steps.map(([name]) => join(results, `${name}.json`));
  for (const file of files) rmSync(file, { force: true });
  const ended = await Promise.all(
    steps.map(([, command], i) =>
      once(spawn(process.execPath, command(files[i]), { cwd: root, stdio: "inherit" }), "exit"),
    ),
  );
  const status = ended.every(([code]) => code === 0) ? 0 : 1;
  return total(files) === 0 ? status : 1;
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

// What failed and why, also when it passed once repeated, told again at the end: whoever reads a long log from there need
// not look for it.
function failures(reports) {
  return reports.flatMap((name) =>
    JSON.parse(readFileSync(name, "utf8")).testResults.flatMap((suite) => {
      const file = relative(root, suite.name);
      const told = (status, what, text) =>
        `${status === "passed" ? "failed, and passed when repeated" : status}: ${what}\n${shortened(text)}`;
      const failed = suite.assertionResults.filter(({ failureMessages }) => failureMessages?.length > 0);
      if (failed.length === 0) {
        const { status, message } = suite;
        return status === "failed" || message !== "" ? [told(status, file, message)] : [];
      }
      return failed.map(({ status, fullName, failureMessages }) =>
        told(status, `${file}: ${fullName}`, failureMessages.join("\n")),
      );
    }),
  );
}

/** The first and the last of it: what hangs has said the last of its words before. */
function shortened(message) {
  const lines = message.split("\n").filter((line) => !line.includes("/vitest/dist/"));
  const shown = lines.length <= 60 ? lines : [...lines.slice(0, 20), "[...]", ...lines.slice(-40)];
  return shown.map((line) => `  ${line.slice(0, 500)}`).join("\n");
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
