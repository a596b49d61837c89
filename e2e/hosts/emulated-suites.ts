/**
 * npm run e2e:machine: the suites of project machine, which need /dev/kvm, on emulated AMD hosts.
 *
 *     node e2e/hosts/emulated-suites.ts REPORT [PART-OF-A-NAME...]
 *
 * REPORT becomes a report as vitest's JSON reporter writes it, for scripts/test.mjs. Every suite stands in it once.
 */
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import type { JsonTestResult, JsonTestResults } from "vitest/node";
import { buildGuests } from "../guests/build.ts";
import { root } from "../support/programs.ts";
import { type KvmHost, missingForKvmHost, startKvmHost } from "./kvm-host.ts";
import {
  type Batch,
  batches,
  hasFailed,
  lostResult,
  report,
  resultsOf,
  type SuiteFile,
} from "./suite-batches.ts";

/** One virtual CPU each: two such hosts get more done than one with two, and their emulation corrupts less. */
const hostCount = Math.min(2, availableParallelism());
const hostOptions = { cpus: 1, memory: 5120 };

const batchTimeoutMs = 40 * 60_000;
const reportPath = "/run/report.json";

const [reportFile, ...wanted] = process.argv.slice(2);
if (reportFile === undefined) throw new Error("usage: node e2e/hosts/emulated-suites.ts REPORT [NAME...]");

const missing = await missingForKvmHost();
if (missing !== undefined) {
  console.error(`The emulated host is not there: ${missing}`);
  process.exit(1);
}
// A default action would leave the hosts running.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
await buildGuests();
await bundleLibraries();

const files = await suiteFiles();
const queue = batches(files, hostCount);
const results = new Map<string, JsonTestResult>();
const repeated: string[] = [];

const workers = Array.from({ length: Math.min(hostCount, queue.length) }, (_, index) =>
  work(`host ${index + 1}`),
);
for (const outcome of await Promise.allSettled(workers)) {
  if (outcome.status === "rejected") console.error(outcome.reason);
}

const everything = files.map(({ path }) => results.get(path) ?? lostResult(path, "No host ran it."));
await mkdir(dirname(reportFile), { recursive: true });
await writeFile(reportFile, JSON.stringify(report(everything)));
for (const { name, message, assertionResults } of everything.filter(hasFailed)) {
  console.log(`failed on two hosts: ${basename(name)}: ${message}`);
  for (const { status, fullName } of assertionResults)
    if (status === "failed") console.log(`    ${fullName}`);
}
for (const path of repeated) console.log(`repeated on a new host after a failure: ${basename(path)}`);
process.exitCode = everything.some(hasFailed) ? 1 : 0;

/** Takes batches until there are none. A batch that fails costs its host: what it broke must not break the next. */
async function work(name: string): Promise<void> {
  let host: KvmHost | undefined;
  try {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      host ??= await boot(name);
      const outcome = await runBatch(host, name, batch);
      for (const result of outcome) results.set(result.name, result);
      const failed = outcome.filter(hasFailed).map((result) => result.name);
      if (failed.length === 0) continue;
      await host.stop();
      host = undefined;
      if (!batch.repeated && worthRepeating()) {
        for (const path of failed)
          console.log(`[${name}] failed, to be repeated on a new host: ${basename(path)}`);
        repeated.push(...failed);
        queue.push({ files: failed, repeated: true });
      }
    }
  } finally {
    await host?.stop();
  }
}

/** A few failures may be the emulation's; many are ours, and would only take twice the time. */
function worthRepeating(): boolean {
  return [...results.values()].filter(hasFailed).length <= Math.max(2, files.length / 3);
}

async function boot(name: string): Promise<KvmHost> {
  const options = { ...hostOptions, name };
  try {
    return await startKvmHost(options);
  } catch (error) {
    console.error(`[${name}] did not come up, once more: ${error}`);
    return await startKvmHost(options);
  }
}

async function runBatch(host: KvmHost, name: string, { files, repeated }: Batch): Promise<JsonTestResult[]> {
  const names = files.map((path) => basename(path));
  console.log(`[${name}] ${repeated ? "again" : "runs"}: ${names.join(", ")}`);
  const command = [
    `rm -f ${reportPath}; CI=true exec node node_modules/vitest/vitest.mjs run`,
    "--config e2e/hosts/emulated.vitest.config.ts",
    `--reporter=verbose --reporter=json --outputFile.json=${reportPath}`,
    ...files.map((path) => `'${path}'`),
  ];
  const lines = prefixed(name);
  try {
    const { status } = await host.run(command.join(" "), { timeoutMs: batchTimeoutMs, live: lines });
    const { stdout } = await host.run(`cat ${reportPath}`);
    const { testResults }: JsonTestResults = JSON.parse(stdout);
    const found = resultsOf(files, testResults);
    if (status === 0 || found.some(hasFailed)) return found;
    return files.map((path) => lostResult(path, `The test runner ended with status ${status}.`));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.log(`[${name}] ${message}`);
    return files.map((path) => lostResult(path, message));
  } finally {
    lines("\n");
  }
}

/** Whole lines of two hosts, told apart. */
function prefixed(name: string): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") console.log(`[${name}] ${line}`);
  };
}

async function suiteFiles(): Promise<SuiteFile[]> {
  const folder = join(root, "e2e/suites");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".test.ts"));
  const chosen = names.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new Error(`No suite in ${folder} has a name with ${wanted.join(" or ")}.`);
  return Promise.all(
    chosen.map(async (name) => ({ path: join(folder, name), weight: (await stat(join(folder, name))).size })),
  );
}

/** Reading a hundred TypeScript files, in each VMM again, takes longer there than what they do. */
async function bundleLibraries(): Promise<void> {
  const packages = ["abi", "builder", "client", "errors", "kvm"];
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(packages.map((name) => [name, `packages/${name}/src/index.ts`])),
    outdir: "e2e/node_modules/.cache/pvh",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    logLevel: "warning",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
}
